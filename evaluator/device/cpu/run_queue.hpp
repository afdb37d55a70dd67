// SPDX-License-Identifier: Apache-2.0
// How much other programs were in the way: the kernel counts the time a thread was ready to run and
// had no processor (/proc/thread-self/schedstat, scheduler/sched-stats.rst).
#pragma once

#include <chrono>
#include <optional>

namespace kw::cpu {

/// Watches the calling thread, which must stay the same.
class RunQueueWatch {
public:
    RunQueueWatch();
    /// Share of the time since construction, in 0..1; nothing when the kernel does not count.
    [[nodiscard]] std::optional<double> waited() const;

private:
    std::optional<double> begin_ns_;
    std::chrono::steady_clock::time_point begin_;
};

}  // namespace kw::cpu
