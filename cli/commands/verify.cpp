// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/stored_candidate.hpp"
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/evaluation_text.hpp"
#include "cli/json_text.hpp"
#include "cli/subject.hpp"
#include "server/views/view_json.hpp"

#include <nlohmann/json.hpp>

namespace kw::cli {
namespace {

struct NoSink final : EventSink {
    void on_event(const Event&) override {}
};

int report(
    const Evaluation& evaluation,
    const Candidate& candidate,
    const Invocation& invocation,
    Console& console) {
    const bool accepted = evaluation.verdict == Verdict::accepted;
    if (invocation.json) {
        const nlohmann::json document = {
            {"schema", "kwright.verify/1"},
            {"file", invocation.text("FILE")},
            {"task", candidate.task},
            {"kernel", candidate.hash},
            {"target", candidate.target},
            {"isa", code_level(candidate)},
            {"evaluation", server::evaluation_json(evaluation)}};
        console.print(json_text(document));
        return accepted ? 0 : 1;
    }
    console.print(verdict_lines(evaluation, console));
    if (!evaluation.shapes.empty()) {
        console.print(shape_table(evaluation, console));
    }
    if (accepted && !evaluation.shapes.empty() && !invocation.has("submit")) {
        console.say(
            "next      kwright verify " + invocation.text("FILE") +
            " --submit   puts it on the board");
    }
    return accepted ? 0 : 1;
}

Result<int> verify(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(
        const Subject subject,
        file_subject(invocation.text("FILE"), invocation.text("task"), invocation.config));
    const auto& [file, task, candidate, device_id] = subject;
    if (const auto evaluation = agent::refused(candidate, device_id)) {
        return report(*evaluation, candidate, invocation, console);
    }
    JudgeOptions options = judge_options(invocation.config);
    options.timed = !invocation.has("no-timing");
    const StageObserver observer = [&console](const std::string& stage, const std::string& text) {
        console.redraw({"  " + stage + "  " + text});
    };
    if (invocation.has("submit")) {
        NoSink sink;
        KW_TRY_ASSIGN(const auto workshop, open_workshop(invocation.config, sink, device_id));
        KW_TRY_ASSIGN(
            const EvaluationRow row,
            agent::submit_candidate(task, candidate, workshop->context, options));
        return report(row.result, candidate, invocation, console);
    }
    KW_TRY_ASSIGN(const auto device, open_device(device_id, evaluator_config(invocation.config)));
    KW_TRY_ASSIGN(const Evaluation evaluation, judge(*device, task, candidate, options, observer));
    console.redraw({});
    return report(evaluation, candidate, invocation, console);
}

}  // namespace

CommandSpec verify_command() {
    CommandSpec spec;
    spec.name = "verify";
    spec.group = "Judge";
    spec.summary = "judge a file of your own: exit 0 accepted, 1 rejected";
    spec.examples = {
        "kwright verify my_gemv.cpp --task w4a16_gemv",
        "kwright verify my_gemv.cpp --no-timing",
        "kwright verify my_gemv.cu --device emulated:sm_90a"};
    spec.positionals = {{"FILE", "one C++ or CUDA source", true, false, "file"}};
    spec.options = {
        {"--task", "TASK", "unless the file says //!kwright task=NAME", "", false, "Options", {}},
        {"--no-timing", "", "check only", "", false, "Options", {}},
        {"--submit",
         "",
         "store it: an accepted kernel enters the board, by user",
         "",
         false,
         "Options",
         {}},
        {"--target", "T", "cpu | cuda", "search.target", false, "Options", {}},
        {"--device",
         "ID",
         "cpu | emulated:sm_80 | emulated:sm_89 | emulated:sm_90a",
         "search.device",
         false,
         "Options",
         {}},
        {"--isa",
         "LEVEL",
         "native | x86-64-v2 | x86-64-v3 | x86-64-v4",
         "search.isa",
         false,
         "Options",
         {}},
        {"--judge-cap",
         "S",
         "seconds the judgement may take, 0 = the task's own",
         "judge.cap_s",
         false,
         "Options",
         {}},
    };
    spec.run = verify;
    return spec;
}

}  // namespace kw::cli
