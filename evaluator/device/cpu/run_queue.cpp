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
std::optional<RunDelay::Reading> RunDelay::read() const {
    std::array<char, 96> text{};
    const ssize_t got = fd_ < 0 ? -1 : pread(fd_, text.data(), text.size(), 0);
    if (got <= 0) {
        return std::nullopt;
    }
    const char* const end = text.data() + got;
    std::array<std::uint64_t, 3> values{};
    const char* at = text.data();
    for (std::uint64_t& value : values) {
        const auto parsed = std::from_chars(at, end, value);
        if (parsed.ec != std::errc{}) {
            return std::nullopt;
        }
        at = std::find_if(parsed.ptr, end, [](char c) { return c != ' '; });
    }
    return Reading{static_cast<double>(values[1]), values[2]};
}

std::optional<double> RunDelay::ns() const {
    const auto reading = read();
    return reading ? std::optional(reading->ns) : std::nullopt;
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
