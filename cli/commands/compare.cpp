// SPDX-License-Identifier: Apache-2.0
// Two kernels of a task head to head on this machine.
#include "cli/commands/compare.hpp"

#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/evaluation_text.hpp"
#include "cli/json_text.hpp"
#include "cli/subject.hpp"
#include "core/hash.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>

namespace kw::cli {
namespace {

/// A file when there is one of that name; else a kernel of the database.
Result<Subject> read_side(const std::string& name, const Invocation& invocation) {
    std::error_code ignored;
    if (std::filesystem::is_regular_file(name, ignored)) {
        return file_subject(name, invocation.text("task"), invocation.config);
    }
    const std::string prefix = id_prefix(name, 'k');
    if (prefix.size() < 4) {
        return Error{
            Errc::usage,
            "\"" + name + "\" is neither a file nor a kernel id (k and at least 4 hex digits)",
            "see `kwright board --all`"};
    }
    KW_TRY_ASSIGN(db::Store store, open_store(invocation.config, db::Access::read_only));
    KW_TRY_ASSIGN(const CandidateRow row, store.candidate(prefix));
    KW_TRY_ASSIGN(const std::vector<EvaluationRow> judged, store.evaluations_of(row.hash));
    std::string device = row.target == "cpu" ? "cpu" : "emulated:" + row.isa;
    if (!judged.empty()) {
        KW_TRY_ASSIGN(const std::vector<CampaignRow> campaigns, store.campaigns());
        const auto newest = std::ranges::max_element(judged, {}, &EvaluationRow::id);
        for (const CampaignRow& campaign : campaigns) {
            device = campaign.id == newest->campaign_id ? campaign.device : device;
        }
    }
    return stored_subject(row, device, invocation.config);
}

Error not_comparable(const Subject& a, const Subject& b, const std::string& why) {
    return {
        Errc::usage,
        a.name + " and " + b.name + " cannot be compared: " + why,
        "take two kernels of one task and device; a file goes where --device says"};
}

Result<void> check_sides(const Subject& a, const Subject& b) {
    if (a.task.name != b.task.name) {
        return not_comparable(a, b, "one is for " + a.task.name + ", one for " + b.task.name);
    }
    if (a.device != b.device) {
        return not_comparable(a, b, "one is judged on " + a.device + ", one on " + b.device);
    }
    const std::string target = target_of_device(a.device);
    for (const Subject* side : {&a, &b}) {
        if (const auto problem =
                disagreement(side->candidate, target, arch_of_device(side->device))) {
            return not_comparable(a, b, side->name + ": " + *problem);
        }
    }
    return {};
}

std::string shapes_of(const Evaluation& result, Comparison wanted) {
    std::size_t count = 0;
    for (const ShapeTiming& shape : result.shapes) {
        count += shape.comparison == wanted ? 1 : 0;
    }
    return std::to_string(count) + " of " + std::to_string(result.shapes.size()) + " shapes";
}

/// "b.cpp is 0.94x [0.92, 0.97] of a: slower on 7 of 9 shapes".
std::string in_words(const Evaluation& result, const Subject& a, const Subject& b) {
    const Ratio& ratio = result.speedup;
    const std::string head =
        b.name + " is " + show_ratio(ratio.value, ratio.lo, ratio.hi) + " of " + a.name + ": ";
    switch (result.comparison) {
        case Comparison::faster:
        case Comparison::slower:
            return head + std::string(name(result.comparison)) + ", by themselves " +
                   shapes_of(result, result.comparison);
        case Comparison::same: return head + "no difference";
        case Comparison::unclear: break;
    }
    return head + "no difference was shown";
}

std::string comparison_table(const Evaluation& result, const Subject& a, const Subject& b) {
    Table table;
    table.head = {"case", "dims", a.name, b.name, "ratio", "comparison", "pairs"};
    table.right = {false, false, true, true, false, false, true};
    for (const ShapeTiming& shape : result.shapes) {
        table.rows.push_back(
            {shape.case_name,
             dims_text(shape.dims),
             show_time(shape.baseline_ns),
             show_time(shape.candidate_ns),
             show_ratio(shape.speedup.value, shape.speedup.lo, shape.speedup.hi),
             std::string(name(shape.comparison)),
             std::to_string(shape.samples.size())});
    }
    return render(table);
}

nlohmann::json side_json(const Subject& side, const Evaluation& result) {
    return {
        {"name", side.name},
        {"kernel", side.candidate.hash},
        {"verdict", code(result.verdict)},
        {"summary", result.verdict == Verdict::accepted ? "" : result.summary}};
}

nlohmann::json to_json(const HeadToHead& done, const Subject& a, const Subject& b) {
    const Evaluation& result = done.second;
    nlohmann::json document = {
        {"schema", "kwright.compare/1"},
        {"task", a.task.name},
        {"device", result.device.empty() ? done.first.device : result.device},
        {"timing", nullptr},
        {"a", side_json(a, done.first)},
        {"b", nullptr},
        {"ratio", nullptr},
        {"ci95", nullptr},
        {"comparison", nullptr},
        {"seed", result.seed},
        {"seed_commitment", result.seed_commitment},
        {"shapes", nlohmann::json::array()}};
    if (done.first.verdict != Verdict::accepted) {
        return document;
    }
    document["b"] = side_json(b, result);
    if (result.verdict != Verdict::accepted) {
        return document;
    }
    document["timing"] = result.timing_kind;
    document["ratio"] = result.speedup.value;
    document["ci95"] = {result.speedup.lo, result.speedup.hi};
    document["comparison"] = name(result.comparison);
    for (const ShapeTiming& shape : result.shapes) {
        document["shapes"].push_back(
            {{"case", shape.case_name},
             {"dims", shape.dims},
             {"a_ns", shape.baseline_ns},
             {"b_ns", shape.candidate_ns},
             {"ratio", shape.speedup.value},
             {"ci95", {shape.speedup.lo, shape.speedup.hi}},
             {"comparison", name(shape.comparison)},
             {"pairs", shape.samples.size()},
             {"stop_reason", shape.stop_reason}});
    }
    return document;
}

bool both_accepted(const HeadToHead& done) {
    return done.first.verdict == Verdict::accepted && done.second.verdict == Verdict::accepted;
}

/// Says why there is nothing to compare, for the side that is rejected.
void show_rejected(const HeadToHead& done, const Subject& a, const Subject& b, Console& console) {
    const bool first = done.first.verdict != Verdict::accepted;
    console.print((first ? a : b).name + ":");
    console.print(verdict_lines(first ? done.first : done.second, console));
}

Result<int> compare(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(const Subject a, read_side(invocation.text("A"), invocation));
    KW_TRY_ASSIGN(const Subject b, read_side(invocation.text("B"), invocation));
    KW_TRY(check_sides(a, b));
    KW_TRY_ASSIGN(const auto device, open_device(a.device, evaluator_config(invocation.config)));
    const StageObserver observer = [&console](const std::string& stage, const std::string& text) {
        console.redraw({"  " + stage + "  " + text});
    };
    KW_TRY_ASSIGN(
        const HeadToHead done,
        compare_candidates(
            *device, a.task, a.candidate, b.candidate, judge_options(invocation.config), observer));
    console.redraw({});
    const int code = comparison_exit_code(done, invocation.has("fail-on"));
    if (invocation.json) {
        console.print(json_text(to_json(done, a, b)));
        return code;
    }
    if (!both_accepted(done)) {
        show_rejected(done, a, b, console);
        return code;
    }
    console.print(comparison_table(done.second, a, b));
    for (const Finding& finding : done.second.findings) {
        if (finding.rule == "busy-machine") {
            console.print("  " + finding.severity + " " + finding.rule + ": " + finding.evidence);
        }
    }
    console.print(
        in_words(done.second, a, b) +
        (is_modelled(done.second) ? "   (modelled, not measured)" : ""));
    return code;
}

}  // namespace

int comparison_exit_code(const HeadToHead& done, bool fail_on_regression) {
    const bool regression = fail_on_regression && done.second.comparison == Comparison::slower;
    return !both_accepted(done) || regression ? 1 : 0;
}

CommandSpec compare_command() {
    CommandSpec spec;
    spec.name = "compare";
    spec.group = "Judge";
    spec.summary = "two kernels of a task head to head, on this machine";
    spec.examples = {
        "kwright compare k7f3a91c k2a0f213",
        "kwright compare k7f3a91c my_gemv.cpp --fail-on regression",
        "kwright compare old.cpp new.cpp --task w4a16_gemv --json"};
    spec.positionals = {
        {"A", "kernel id or file: what there was", true, false, "kernel"},
        {"B", "kernel id or file: what is new", true, false, "kernel"}};
    spec.options = {
        {"--fail-on",
         "WHAT",
         "regression: exit 1 when B is slower",
         "",
         false,
         "Options",
         {"regression"}},
        {"--task",
         "TASK",
         "of files that do not say //!kwright task=NAME",
         "",
         false,
         "Options",
         {}},
        {"--target", "T", "of files: cpu | cuda", "search.target", false, "Options", {}},
        {"--device",
         "ID",
         "of files: cpu | emulated:sm_80 | emulated:sm_89 | emulated:sm_90a",
         "search.device",
         false,
         "Options",
         {}},
        {"--judge-cap",
         "S",
         "seconds the timing may take, 0 = the task's own",
         "judge.cap_s",
         false,
         "Options",
         {}},
    };
    spec.run = compare;
    return spec;
}

}  // namespace kw::cli
