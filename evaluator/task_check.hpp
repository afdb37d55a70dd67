// SPDX-License-Identifier: Apache-2.0
// Is a task sound? What it ships is judged and must be right, kernels that compute nothing are
// judged and must be rejected, and no fault may pass (evaluator/task_probes.hpp).
#pragma once

#include "evaluator/evaluator.hpp"
#include "evaluator/task_probes.hpp"

#include <string>
#include <vector>

namespace kw {

/// A source with the judgement that it must get.
struct TaskTrial {
    std::string probe;    ///< "baseline is right"
    std::string subject;  ///< "naive"
    std::string source;
    bool should_pass = true;
};
struct TaskTrials {
    std::vector<TaskTrial> run;
    std::vector<ProbeAnswer> notes;  ///< what is not run, and why
};
/// Baselines (none that links a library) and seed of the task's `target`, and kernels that write
/// nothing or zeros. Errors: a file that cannot be read.
[[nodiscard]] Result<TaskTrials> task_trials(const Task& task, const std::string& target);
/// What a judgement says about its trial.
[[nodiscard]] ProbeAnswer answer_of(
    const TaskTrial& trial, const Evaluation& evaluation, const Task& task);

/// Whether the emulated device takes fewer cases than the CPU, so that probes on one say nothing
/// about the other.
[[nodiscard]] bool cases_differ(const Task& task);

/// Probes of the reference on the cases of `device` (not when `probed` on another device already,
/// with the same cases), then the baselines of libraries (on the CPU) and every trial on it. The
/// inputs of the probes are the same every time, those of the trials are drawn anew as in every
/// judgement. Errors: the world's, and a reference that does not compile or run.
[[nodiscard]] Result<std::vector<ProbeAnswer>> check_task(
    Device& device,
    const Task& task,
    const EvaluatorConfig& config,
    const JudgeOptions& options,
    bool probed,
    const StageObserver& observer = {});

}  // namespace kw
