// SPDX-License-Identifier: Apache-2.0
// Time as a dependency, so that tests use a fake one and never sleep. Kernel timing does not use
// this: it reads the hardware clock itself (evaluator/device/cpu).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace kw {

struct Clock {
    virtual ~Clock() = default;
    virtual std::chrono::nanoseconds steady() = 0;  ///< monotonic
    virtual std::int64_t utc_ms() = 0;              ///< milliseconds since 1970-01-01T00:00:00Z
    virtual void sleep(std::chrono::nanoseconds duration) = 0;
};

[[nodiscard]] Clock& system_clock();

/// Of the real steady clock: how long a stage took.
[[nodiscard]] double ms_since(std::chrono::steady_clock::time_point begin);

/// "2026-11-22T11:04:01.201Z"
[[nodiscard]] std::string iso8601(std::int64_t utc_ms);

}  // namespace kw
