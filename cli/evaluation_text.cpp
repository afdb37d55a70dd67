// SPDX-License-Identifier: Apache-2.0
#include "cli/evaluation_text.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cstdio>

namespace kw::cli {
namespace {

std::string one_decimal(double value) {
    if (!(value > 0)) {
        return "-";
    }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f", value);
    return text.data();
}

std::string indent(const std::string& text) {
    std::string result = "  ";
    for (const char c : text) {
        result += c;
        if (c == '\n') {
            result += "  ";
        }
    }
    return result;
}

nlohmann::json number_or_null(double value) {
    return value > 0 ? nlohmann::json(value) : nlohmann::json(nullptr);
}

/// How a GPU was timed, and in what state it was.
nlohmann::json gpu_json(const ShapeTiming& shape) {
    return {
        {"mode", shape.mode},
        {"sm_mhz", number_or_null(shape.sm_mhz)},
        {"temperature_c", number_or_null(shape.temperature_c)},
        {"power_w", number_or_null(shape.power_w)},
        {"candidate_joules", number_or_null(shape.candidate_joules)},
        {"baseline_joules", number_or_null(shape.baseline_joules)}};
}

nlohmann::json shape_json(const ShapeTiming& shape) {
    nlohmann::json document = {
        {"case", shape.case_name},
        {"dims", shape.dims},
        {"baseline", shape.baseline},
        {"candidate_ns", shape.candidate_ns},
        {"baseline_ns", shape.baseline_ns},
        {"naive_ns", number_or_null(shape.naive_ns)},
        {"hot_candidate_ns", number_or_null(shape.hot_candidate_ns)},
        {"hot_baseline_ns", number_or_null(shape.hot_baseline_ns)},
        {"speedup", shape.speedup.value},
        {"ci95", {shape.speedup.lo, shape.speedup.hi}},
        {"comparison", name(shape.comparison)},
        {"floor_ns", shape.floor_ns},
        {"sol", shape.sol},
        {"gb_per_s", shape.gb_per_s},
        {"null_ns", shape.null_ns},
        {"prepare_ns", number_or_null(shape.prepare_ns)},
        {"prepare_bytes", shape.prepare_bytes},
        {"pairs", shape.samples.size()},
        {"stop_reason", shape.stop_reason}};
    if (!shape.mode.empty()) {
        document["gpu"] = gpu_json(shape);
    }
    return document;
}

nlohmann::json case_json(const CaseOutcome& outcome) {
    return {
        {"case", outcome.case_name},
        {"dims", outcome.dims},
        {"distribution", outcome.distribution},
        {"hidden", outcome.hidden},
        {"verdict", code(outcome.verdict)},
        {"argument", outcome.argument},
        {"index", outcome.index},
        {"got", outcome.got},
        {"want", outcome.want},
        {"mismatches", outcome.mismatches},
        {"elements", outcome.elements},
        {"error_fraction", outcome.max_error}};
}

}  // namespace

std::string ratio_or_code(const Evaluation& evaluation) {
    const Ratio& ratio = evaluation.speedup;
    return evaluation.verdict == Verdict::accepted ? show_ratio(ratio.value, ratio.lo, ratio.hi)
                                                   : std::string(code(evaluation.verdict));
}

std::string dims_text(const DimMap& dims) {
    std::string text;
    for (const auto& [dim, value] : dims) {
        text += (text.empty() ? "" : " ") + dim + "=" + std::to_string(value);
    }
    return text;
}

std::string verdict_lines(const Evaluation& evaluation, const Console& console) {
    const bool accepted = evaluation.verdict == Verdict::accepted;
    std::string text =
        accepted ? console.paint("accepted", Ink::green) : console.paint("rejected", Ink::red);
    text += "  " + std::string(code(evaluation.verdict)) + " " + evaluation.summary;
    if (!evaluation.detail.empty()) {
        text += "\n" + indent(evaluation.detail);
    }
    for (const Finding& finding : evaluation.findings) {
        text += "\n  " + finding.severity + " " + finding.rule +
                (finding.state == "open" ? "" : " (" + finding.state + ")") + ": " +
                finding.evidence;
    }
    return text;
}

std::string shape_table(const Evaluation& evaluation, const Console&) {
    Table table;
    table.head = {
        "case",
        "dims",
        is_modelled(evaluation) ? "modelled" : "time",
        "baseline",
        "",
        "speed-up",
        "comparison",
        "GB/s",
        "SOL",
        "hot",
        "pairs",
        "stopped"};
    table.right = {false, false, true, true, false, false, false, true, true, true, true};
    for (const ShapeTiming& shape : evaluation.shapes) {
        const bool hot = shape.hot_candidate_ns > 0 && shape.hot_baseline_ns > 0;
        std::array<char, 32> hot_text{"-"};
        if (hot) {
            std::snprintf(
                hot_text.data(),
                hot_text.size(),
                "%.2fx",
                shape.hot_baseline_ns / shape.hot_candidate_ns);
        }
        table.rows.push_back(
            {shape.case_name,
             dims_text(shape.dims),
             show_time(shape.candidate_ns),
             show_time(shape.baseline_ns),
             shape.baseline,
             show_ratio(shape.speedup.value, shape.speedup.lo, shape.speedup.hi),
             std::string(name(shape.comparison)),
             one_decimal(shape.gb_per_s),
             show_percent(shape.sol),
             hot_text.data(),
             std::to_string(shape.samples.size()),
             shape.stop_reason});
    }
    return render(table);
}

std::string environment_lines(const Evaluation& evaluation) {
    std::string text = "device    " + evaluation.device + "\n";
    text += "compiler  " + evaluation.build.compiler + "   " + evaluation.build.command + "\n";
    text += "sandbox   " + evaluation.sandbox_profile + "\n";
    text += "protocol  " + evaluation.protocol + ", " + evaluation.timing_kind +
            "; seed commitment " + evaluation.seed_commitment.substr(0, 16);
    return text;
}

nlohmann::json evaluation_json(const Evaluation& evaluation) {
    nlohmann::json document = {
        {"verdict", code(evaluation.verdict)},
        {"verdict_name", name(evaluation.verdict)},
        {"summary", evaluation.summary},
        {"detail", evaluation.detail},
        {"protocol", evaluation.protocol},
        {"timing", evaluation.timing_kind},
        {"device", evaluation.device},
        {"sandbox", evaluation.sandbox_profile},
        {"seed_commitment", evaluation.seed_commitment},
        {"seed", evaluation.seed},
        {"wall_s", evaluation.wall_s},
        {"build",
         {{"compiler", evaluation.build.compiler},
          {"command", evaluation.build.command},
          {"cached", evaluation.build.cached},
          {"artifact_sha256", evaluation.build.artifact_sha256},
          {"stack_references", evaluation.build.stack_references},
          {"instructions", evaluation.build.instruction_classes},
          {"resources", evaluation.build.resources}}},
        {"speedup", nullptr},
        {"shapes", nlohmann::json::array()},
        {"cases", nlohmann::json::array()},
        {"findings", nlohmann::json::array()},
        {"stages", nlohmann::json::array()}};
    if (evaluation.verdict == Verdict::accepted && !evaluation.shapes.empty()) {
        document["speedup"] = {
            {"value", evaluation.speedup.value},
            {"ci95", {evaluation.speedup.lo, evaluation.speedup.hi}},
            {"vs_naive", evaluation.vs_naive.value},
            {"min", evaluation.min_speedup},
            {"sol", evaluation.sol},
            {"comparison", name(evaluation.comparison)}};
    }
    for (const ShapeTiming& shape : evaluation.shapes) {
        document["shapes"].push_back(shape_json(shape));
    }
    for (const CaseOutcome& outcome : evaluation.cases) {
        document["cases"].push_back(case_json(outcome));
    }
    for (const Finding& finding : evaluation.findings) {
        document["findings"].push_back(
            {{"rule", finding.rule},
             {"severity", finding.severity},
             {"phase", finding.phase},
             {"evidence", finding.evidence},
             {"state", finding.state}});
    }
    for (const StageTime& stage : evaluation.stages) {
        document["stages"].push_back({{"stage", stage.stage}, {"ms", stage.ms}});
    }
    return document;
}

}  // namespace kw::cli
