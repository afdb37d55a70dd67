// SPDX-License-Identifier: Apache-2.0
// Two candidates of one task against each other, on one device and in one session: paired and
// interleaved shape by shape like any candidate and its baseline.
#pragma once

#include "evaluator/evaluator.hpp"

namespace kw {

struct HeadToHead {
    Evaluation first;   ///< checked, not timed
    Evaluation second;  ///< ratios are first / second: above 1, the second is faster. Not judged
                        ///< (verdict internal, no summary) when the first is rejected
};

/// Both are checked in full. Both must be for the device's target and architecture.
[[nodiscard]] Result<HeadToHead> compare_candidates(
    Device& device,
    const Task& task,
    const Candidate& first,
    const Candidate& second,
    JudgeOptions options,
    const StageObserver& observer = {});

}  // namespace kw
