// SPDX-License-Identifier: Apache-2.0
#include "evaluator/task_check.hpp"

#include "core/text_file.hpp"
#include "evaluator/device/cpu/cpu_device.hpp"
#include "evaluator/device/cpu/reference_calls.hpp"
#include "evaluator/made_kernels.hpp"

namespace kw {
namespace {

constexpr const char* k_rejected = "empty kernel rejected";
constexpr const char* k_right = "baseline is right";

void add_idle(const Task& task, const std::string& target, std::vector<TaskTrial>& trials) {
    const bool cuda = target == "cuda";
    trials.push_back(
        {k_rejected, "does nothing", cuda ? idle_cuda_kernel(task) : idle_kernel(task), false});
    trials.push_back(
        {k_rejected, "writes zeros", cuda ? zero_cuda_kernel(task) : zero_kernel(task), false});
}

Result<std::vector<ProbeAnswer>> probe(
    const Task& task,
    const std::string& target,
    const EvaluatorConfig& config,
    const StageObserver& observer) {
    const std::vector<Case> cases = probe_cases(task, target);
    if (observer) {
        observer("probes", std::to_string(cases.size()) + " cases");
    }
    std::vector<ReferenceCall> calls(2);
    if (!cases.empty()) {
        KW_TRY_ASSIGN(calls, cpu::start_references(config, task, cases, 2));
    }
    // The same inputs at every check of a task: an answer must not change by itself.
    const Seed seed = seed_from_text("kwright task probes of " + task.name);
    return probe_task(task, cases, calls[0], calls[1], seed);
}

/// A library may do what a candidate must not, so its baseline is not judged as one.
Result<std::vector<ProbeAnswer>> check_peers(
    Device& device, const Task& task, const StageObserver& observer) {
    const bool cuda = target_of_device(device.id()) == "cuda";
    std::vector<ProbeAnswer> answers;
    for (const Baseline& baseline : cuda ? task.cuda.baselines : task.baselines) {
        if (!baseline.link.empty()) {
            answers.push_back(
                {k_right,
                 baseline.name,
                 ProbeState::not_applicable,
                 "a library's: compared where it is timed"});
        }
    }
    auto* const cpu = dynamic_cast<cpu::CpuDevice*>(&device);
    if (answers.empty() || cpu == nullptr) {
        return answers;
    }
    KW_TRY_ASSIGN(const auto checked, cpu->check_peers(task, observer));
    for (ProbeAnswer& answer : answers) {
        const auto at = checked.find(answer.subject);
        if (at == checked.end()) {
            answer.text = "its library is not here";
        } else if (at->second) {
            answer.state = ProbeState::fails;
            answer.text = std::string(code(at->second->verdict)) + " " + at->second->summary;
            answer.text += at->second->detail.empty() ? "" : "\n" + at->second->detail;
        } else {
            answer.state = ProbeState::holds;
            answer.text = "a library's: every case";
        }
    }
    return answers;
}

bool rejected_as_due(const Evaluation& evaluation, const Task& task) {
    // A built-in trial that does not compile or crashes shows nothing about the comparison.
    return evaluation.verdict == Verdict::wrong_result ||
           evaluation.verdict == Verdict::non_finite ||
           (evaluation.verdict == Verdict::forbidden && !task.cuda.require.empty());
}

}  // namespace

Result<TaskTrials> task_trials(const Task& task, const std::string& target) {
    const bool cuda = target == "cuda";
    TaskTrials trials;
    for (const Baseline& baseline : cuda ? task.cuda.baselines : task.baselines) {
        if (!baseline.link.empty()) {
            continue;
        }
        KW_TRY_ASSIGN(std::string source, read_text_file(baseline.file));
        trials.run.push_back({k_right, baseline.name, std::move(source), true});
    }
    const std::filesystem::path& seed = cuda ? task.cuda.seed : task.seed;
    if (seed.empty()) {
        trials.notes.push_back(
            {"seed is right", "", ProbeState::not_applicable, "the task has none"});
    } else {
        KW_TRY_ASSIGN(std::string source, read_text_file(seed));
        trials.run.push_back({"seed is right", "", std::move(source), true});
    }
    add_idle(task, target, trials.run);
    trials.notes.push_back(
        {"identity race",
         "",
         ProbeState::not_applicable,
         "nothing is timed here: `kwright dev bench noise` times a baseline against itself"});
    return trials;
}

ProbeAnswer answer_of(const TaskTrial& trial, const Evaluation& evaluation, const Task& task) {
    ProbeAnswer answer{trial.probe, trial.subject, ProbeState::holds, ""};
    answer.text = std::string(code(evaluation.verdict)) + " " + evaluation.summary;
    if (trial.should_pass && evaluation.verdict == Verdict::compiled_only) {
        answer.state = ProbeState::not_applicable;
    } else if (trial.should_pass && evaluation.verdict != Verdict::accepted) {
        answer.state = ProbeState::fails;
        answer.text += evaluation.detail.empty() ? "" : "\n" + evaluation.detail;
    } else if (!trial.should_pass && !rejected_as_due(evaluation, task)) {
        answer.state = ProbeState::fails;
    }
    return answer;
}

bool cases_differ(const Task& task) {
    return probe_cases(task, "cpu").size() != probe_cases(task, "cuda").size();
}

Result<std::vector<ProbeAnswer>> check_task(
    Device& device,
    const Task& task,
    const EvaluatorConfig& config,
    const JudgeOptions& options,
    bool probed,
    const StageObserver& observer) {
    const std::string target = target_of_device(device.id());
    std::vector<ProbeAnswer> answers;
    if (probed) {
        answers.push_back(
            {"faults of kernels",
             "",
             ProbeState::not_applicable,
             "this device takes the same cases: answered above"});
    } else {
        KW_TRY_ASSIGN(answers, probe(task, target, config, observer));
    }
    KW_TRY_ASSIGN(const TaskTrials trials, task_trials(task, target));
    answers.insert(answers.end(), trials.notes.begin(), trials.notes.end());
    KW_TRY_ASSIGN(const std::vector<ProbeAnswer> peers, check_peers(device, task, observer));
    answers.insert(answers.end(), peers.begin(), peers.end());
    JudgeOptions untimed = options;
    untimed.timed = false;
    for (const TaskTrial& trial : trials.run) {
        if (observer) {
            observer(trial.probe, trial.subject);
        }
        const Candidate candidate = make_candidate(task.name, trial.source, "native", target);
        KW_TRY_ASSIGN(const Evaluation result, judge(device, task, candidate, untimed));
        answers.push_back(answer_of(trial, result, task));
    }
    return answers;
}

}  // namespace kw
