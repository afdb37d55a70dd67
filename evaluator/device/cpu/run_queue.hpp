// SPDX-License-Identifier: Apache-2.0
// How much other programs were in the way: the kernel counts the time a thread was ready to run and
// had no processor (schedstat in /proc, scheduler/sched-stats.rst).
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>

namespace kw::cpu {

/// The counter of one thread; about a microsecond a reading. Nothing when the kernel does not
/// count or the thread is gone.
class RunDelay {
public:
    [[nodiscard]] static RunDelay of_this_thread();
    [[nodiscard]] static RunDelay of(pid_t process);  ///< its first thread
    RunDelay() = default;
    RunDelay(RunDelay&& other) noexcept;
    RunDelay& operator=(RunDelay&& other) noexcept;
    ~RunDelay();

    [[nodiscard]] std::optional<double> ns() const;  ///< waited since the thread began

private:
    explicit RunDelay(const char* path);
    int fd_ = -1;
};

/// Watches the calling thread, which must stay the same.
class RunQueueWatch {
public:
    RunQueueWatch();
    /// Share of the time since construction, in 0..1; nothing when the kernel does not count.
    [[nodiscard]] std::optional<double> waited() const;

private:
    RunDelay delay_;
    std::optional<double> begin_ns_;
    std::chrono::steady_clock::time_point begin_;
};

}  // namespace kw::cpu
