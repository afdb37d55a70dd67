// SPDX-License-Identifier: Apache-2.0
// The least that judging a kernel could cost: the same compilation with the same precompiled header
// outside the sandbox, and one plain call of the result in this process.
#pragma once

#include "core/result.hpp"
#include "core/task.hpp"

#include <memory>
#include <string>

namespace kw::cli {

class BareFloor {
public:
    /// Makes a temporary folder with the task's header and the precompiled header.
    static Result<std::unique_ptr<BareFloor>> open(const Task& task, const std::string& compiler);
    virtual ~BareFloor() = default;

    struct Times {
        double compile_ms = 0;
        double call_ms = 0;  ///< one call on each timed case, together
    };
    /// Builds and calls `source`, which must be trusted: it runs in this process.
    virtual Result<Times> measure(const std::string& source) = 0;
};

}  // namespace kw::cli
