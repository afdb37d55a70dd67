// SPDX-License-Identifier: Apache-2.0
// What a judgement is on every device: the question, a secret seed, and the evaluation as it
// grows. Each device's own judgement derives from it and goes through the stages.
#pragma once

#include "evaluator/device/cpu/check_stage.hpp"
#include "evaluator/evaluator.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace kw::cpu {

class JudgementBase {
protected:
    using Moment = std::chrono::steady_clock::time_point;

    JudgementBase(
        const Task& task,
        const Candidate& candidate,
        const JudgeOptions& options,
        const StageObserver& observer);
    ~JudgementBase() = default;
    JudgementBase(const JudgementBase&) = delete;
    JudgementBase& operator=(const JudgementBase&) = delete;

    /// `profile`: of the sandbox, before what JudgeOptions::layers leaves out.
    void describe_device(
        const std::string& description, const std::string& hash, const std::string& profile);
    /// Before the first input is drawn: the commitment to what all inputs come from.
    void commit_to(const std::string& seeds);
    void observe(const std::string& stage, const std::string& text) const;
    void stage_done(const std::string& stage, Moment begin);
    void append(const std::vector<Finding>& findings);
    /// It ends here, rejected.
    void finish(const Rejection& rejection);
    /// It is correct. False: and not to be timed.
    bool accept();
    [[nodiscard]] double cap_s() const;  ///< asked for, or the task's own
    Evaluation take(Moment begin);       ///< the result, all of whose time began then

    const Task& task_;
    const Candidate& candidate_;
    const JudgeOptions& options_;
    const StageObserver& observer_;
    Seed seed_;
    Evaluation result_;
};

}  // namespace kw::cpu
