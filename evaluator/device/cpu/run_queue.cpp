// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/run_queue.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

namespace kw::cpu {

RunDelay::RunDelay(const char* path)
    : fd_(open(path, O_RDONLY | O_CLOEXEC)) {}

RunDelay RunDelay::of_this_thread() {
    return RunDelay("/proc/thread-self/schedstat");
}

RunDelay RunDelay::of(pid_t process) {
    return RunDelay(("/proc/" + std::to_string(process) + "/schedstat").c_str());
}

RunDelay::RunDelay(RunDelay&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)) {}

RunDelay& RunDelay::operator=(RunDelay&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

RunDelay::~RunDelay() {
    if (fd_ >= 0) {
        close(fd_);
    }
}

// "TIME_RUN TIME_WAITED TIMESLICES", the times in nanoseconds.
std::optional<double> RunDelay::ns() const {
    std::array<char, 96> text{};
    const ssize_t got = fd_ < 0 ? -1 : pread(fd_, text.data(), text.size(), 0);
    if (got <= 0) {
        return std::nullopt;
    }
    const char* const end = text.data() + got;
    const char* const blank = std::find(std::as_const(text).data(), end, ' ');
    std::uint64_t waited = 0;
    if (blank == end || std::from_chars(blank + 1, end, waited).ec != std::errc{}) {
        return std::nullopt;
    }
    return static_cast<double>(waited);
}

RunQueueWatch::RunQueueWatch()
    : delay_(RunDelay::of_this_thread())
    , begin_ns_(delay_.ns())
    , begin_(std::chrono::steady_clock::now()) {}

std::optional<double> RunQueueWatch::waited() const {
    const std::optional<double> now_ns = delay_.ns();
    const std::chrono::duration<double, std::nano> passed =
        std::chrono::steady_clock::now() - begin_;
    if (!begin_ns_ || !now_ns || passed.count() <= 0) {
        return std::nullopt;
    }
    return std::clamp((*now_ns - *begin_ns_) / passed.count(), 0.0, 1.0);
}

}  // namespace kw::cpu
