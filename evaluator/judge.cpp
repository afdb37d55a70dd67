// SPDX-License-Identifier: Apache-2.0
#include "evaluator/evaluator.hpp"

namespace kw {

Result<Evaluation> judge(
    Device& device,
    const Task& task,
    const Candidate& candidate,
    const JudgeOptions& options,
    const StageObserver& observer) {
    Result<Evaluation> first = device.judge(task, candidate, options, observer);
    if (!first.ok() || first->verdict != Verdict::internal) {
        return first;
    }
    if (observer) {
        observer("retry", first->summary);
    }
    JudgeOptions again = options;
    again.request += again.request.empty() ? "" : "/again";
    return device.judge(task, candidate, again, observer);
}

}  // namespace kw
