// SPDX-License-Identifier: Apache-2.0
#include "evaluator/head_to_head.hpp"

namespace kw {

Result<HeadToHead> compare_candidates(
    Device& device,
    const Task& task,
    const Candidate& first,
    const Candidate& second,
    JudgeOptions options,
    const StageObserver& observer) {
    HeadToHead done;
    options.timed = false;
    KW_TRY_ASSIGN(done.first, judge(device, task, first, options, observer));
    if (done.first.verdict != Verdict::accepted) {
        return done;
    }
    options.timed = true;
    options.rival = &first;
    KW_TRY_ASSIGN(done.second, judge(device, task, second, options, observer));
    return done;
}

}  // namespace kw
