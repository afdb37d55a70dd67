// SPDX-License-Identifier: Apache-2.0
// Turns the end of a runner into a verdict with evidence that a model can act on.
#pragma once

#include "evaluator/device/cpu/runner.hpp"

namespace kw::cpu {

/// `phase` is the runner's last known phase, `evidence` what its crash handler wrote: both only
/// describe, the verdict follows from how the process ended.
[[nodiscard]] RunnerFailure explain_failure(
    const RunnerSpec& spec,
    const sandbox::Outcome& outcome,
    const harness::Evidence& evidence,
    std::uint32_t phase,
    bool timed_out);

}  // namespace kw::cpu
