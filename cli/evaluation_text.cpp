// SPDX-License-Identifier: Apache-2.0
#include "cli/evaluation_text.hpp"

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

}  // namespace kw::cli
