// SPDX-License-Identifier: Apache-2.0
// Is a task sound? Everything it ships is built and must be right; what computes nothing must be
// rejected.
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/json_text.hpp"
#include "cli/made_kernels.hpp"
#include "core/text_file.hpp"

#include <nlohmann/json.hpp>

namespace kw::cli {
namespace {

struct Trial {
    std::string name;
    std::string source;
    bool should_pass = true;
};

struct Answer {
    std::string name;
    bool ok = false;
    std::string text;
};

Result<std::vector<Trial>> trials_of(const Task& task, std::vector<Answer>& answers) {
    std::vector<Trial> trials;
    for (const Baseline& baseline : task.baselines) {
        const std::string name = "baseline " + baseline.name;
        if (!baseline.link.empty()) {
            answers.push_back(
                {name, true, "a library's: built with the task, not run as a candidate"});
            continue;
        }
        KW_TRY_ASSIGN(std::string source, read_text_file(baseline.file));
        trials.push_back({name + " agrees with the reference", std::move(source), true});
    }
    if (!task.seed.empty()) {
        KW_TRY_ASSIGN(std::string source, read_text_file(task.seed));
        trials.push_back({"seed agrees with the reference", std::move(source), true});
    }
    trials.push_back({"a kernel that does nothing is rejected", idle_kernel(task), false});
    trials.push_back({"a kernel that writes zeros is rejected", zero_kernel(task), false});
    return trials;
}

Result<int> task_check(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(const Task task, open_task(invocation.text("TASK"), invocation.config));
    std::vector<Answer> answers = {{"task.toml", true, "reads, " + task.hash.substr(0, 12)}};
    KW_TRY_ASSIGN(const std::vector<Trial> trials, trials_of(task, answers));
    KW_TRY_ASSIGN(const auto device, open_cpu_device(evaluator_config(invocation.config)));
    JudgeOptions options = judge_options(invocation.config);
    options.timed = false;
    for (const Trial& trial : trials) {
        console.redraw({"  " + trial.name});
        const Candidate candidate = make_candidate(task.name, trial.source);
        KW_TRY_ASSIGN(const Evaluation result, judge(*device, task, candidate, options));
        const bool passed = result.verdict == Verdict::accepted;
        std::string text = std::string(code(result.verdict)) + " " + result.summary;
        if (trial.should_pass && !passed && !result.detail.empty()) {
            text += "\n" + result.detail;
        }
        // A built-in trial that does not compile or crashes shows nothing about the comparison.
        const bool ok = trial.should_pass ? passed
                                          : result.verdict == Verdict::wrong_result ||
                                                result.verdict == Verdict::non_finite;
        answers.push_back({trial.name, ok, text});
    }
    console.redraw({});
    int failures = 0;
    nlohmann::json document = {
        {"schema", "kwright.task-check/1"},
        {"task", task.name},
        {"answers", nlohmann::json::array()}};
    for (const Answer& answer : answers) {
        failures += answer.ok ? 0 : 1;
        document["answers"].push_back(
            {{"name", answer.name}, {"ok", answer.ok}, {"text", answer.text}});
        if (!invocation.json) {
            const std::string mark =
                answer.ok ? console.paint("ok    ", Ink::green) : console.paint("FAILED", Ink::red);
            console.print(mark + "  " + answer.name + ": " + answer.text);
        }
    }
    document["sound"] = failures == 0;
    if (invocation.json) {
        console.print(json_text(document));
    } else if (failures > 0) {
        console.print(
            "task " + task.name + " is not sound (" + std::to_string(failures) +
            (failures == 1 ? " failure)" : " failures)"));
    }
    return failures == 0 ? 0 : 1;
}

}  // namespace

CommandSpec task_check_command() {
    CommandSpec spec;
    spec.name = "task check";
    spec.group = "Tasks";
    spec.summary =
        "is a task sound? reference, baselines and seed agree, empty kernels are rejected";
    spec.examples = {"kwright task check w4a16_gemv", "kwright task check ./my_task/"};
    spec.positionals = {{"TASK", "name of a task, or path to its folder", true, false, "task"}};
    spec.run = task_check;
    return spec;
}

}  // namespace kw::cli
