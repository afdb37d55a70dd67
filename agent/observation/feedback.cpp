// SPDX-License-Identifier: Apache-2.0
#include "agent/observation/feedback.hpp"

#include "agent/observation/cuda_feedback.hpp"
#include "agent/text.hpp"

#include <algorithm>

namespace kw::agent {

namespace {

constexpr std::size_t k_max_diagnostics = 3000;
constexpr std::size_t k_max_shapes = 16;
constexpr std::size_t k_max_findings = 12;
constexpr double k_roof_reached = 0.95;

std::string verdict_label(const Evaluation& result) {
    return std::string(code(result.verdict)) + " " + std::string(name(result.verdict));
}

std::string show_case_dims(const DimMap& dims) {
    std::string out;
    for (const auto& [dim, value] : dims) {
        out += (out.empty() ? "" : " ") + dim + "=" + std::to_string(value);
    }
    return out;
}

/// The case that failed, if one is recorded.
const CaseOutcome* failed_case(const Evaluation& result) {
    for (const CaseOutcome& outcome : result.cases) {
        if (outcome.verdict != Verdict::accepted) {
            return &outcome;
        }
    }
    return nullptr;
}

std::string public_case(const CaseOutcome& outcome) {
    std::string out =
        "Failing case: " + one_line(outcome.case_name, 80) + " (" + show_case_dims(outcome.dims);
    if (!outcome.distribution.empty()) {
        out += ", inputs " + one_line(outcome.distribution, 60);
    }
    out += ")\n";
    if (outcome.index >= 0) {
        out += "First wrong element: " + one_line(outcome.argument, 60) + "[" +
               std::to_string(outcome.index) + "]";
        if (!outcome.got.empty() || !outcome.want.empty()) {
            out += ": got " + one_line(outcome.got, 60) + ", want " + one_line(outcome.want, 60);
        }
        out += "\n";
    }
    if (outcome.mismatches > 0) {
        out += std::to_string(outcome.mismatches) + " of " + std::to_string(outcome.elements) +
               " elements are wrong";
        if (outcome.max_error > 0) {
            out +=
                "; the largest error is " + figure(outcome.max_error, 2) + " times the allowed one";
        }
        out += "\n";
    }
    if (!outcome.note.empty()) {
        out += fence(cut_middle(outcome.note, 600)) + "\n";
    }
    return out;
}

/// Failures of a build or of a source: text about the candidate's own file, hidden cases play no
/// part.
bool before_any_case(Verdict verdict) {
    return verdict == Verdict::forbidden || verdict == Verdict::compile_error ||
           verdict == Verdict::no_reply || verdict == Verdict::duplicate;
}

std::string failure_text(const Attempt& attempt) {
    const Evaluation& result = attempt.result;
    std::string out;
    const CaseOutcome* outcome = failed_case(result);
    if (outcome != nullptr && outcome->hidden) {
        return "It failed a hidden case: shapes and inputs drawn in secret for each judgement "
               "within the limits of the dimensions. Only the class is told: " +
               std::string(name(result.verdict)) +
               ". All public cases before it passed. Look at ragged sizes, extreme values and "
               "assumptions that hold for the public shapes only.\n";
    }
    if (outcome != nullptr) {
        out += public_case(*outcome);
    }
    if (before_any_case(result.verdict)) {
        const std::string& text =
            result.build.diagnostics.empty() ? result.detail : result.build.diagnostics;
        if (!result.summary.empty()) {
            out += fence(cut_middle(result.summary, 400)) + "\n";
        }
        if (!text.empty() && text != result.summary) {
            out += "First messages:\n" + fence(cut_middle(text, k_max_diagnostics)) + "\n";
        }
    } else if (!result.summary.empty()) {
        out += fence(cut_middle(result.summary, 600)) + "\n";
    }
    if (attempt.target == "cuda" && found_by_checks(result.verdict)) {
        out += findings_text(result, attempt.source);
    }
    return out;
}

std::string code_facts(const BuildFacts& build) {
    std::string out;
    if (build.stack_references > 0) {
        out += "The hottest loop has " + std::to_string(build.stack_references) +
               " stack references: registers are spilled. Fewer live accumulators or constant trip "
               "counts usually cure it, and it is often worth more than anything else.\n";
    } else if (build.stack_references == 0) {
        out += "The hottest loop has no stack references (no spills).\n";
    }
    if (!build.instruction_classes.empty()) {
        std::string list;
        int shown = 0;
        for (const auto& [instruction, count] : build.instruction_classes) {
            if (shown++ < 12) {
                list += (list.empty() ? "" : ", ") + one_line(instruction, 24) + " x" +
                        std::to_string(count);
            }
        }
        // Only the CPU's judge looks at the stack.
        out += (build.stack_references < 0 ? "Instructions: " : "Vector instructions: ") + list;
        out += "\n";
    }
    return out + resources_text(build);
}

std::string speed_text(const Evaluation& result) {
    const bool modelled = is_modelled(result);
    std::string out =
        (modelled ? "Modelled speed-up " + figure(result.speedup.value, 2) + "x (" +
                        "from counts of an emulated device, not measured)"
                  : "Speed-up " + show_speedup(result.speedup) + " (95 % interval)");
    out += ", geometric mean over the timed shapes: " + tell_speedup(result.speedup.value) +
           " than the fastest baseline.\n";
    if (result.vs_naive.value > 0) {
        out += "Against the naive baseline: " + figure(result.vs_naive.value, 2) + "x.\n";
    }
    if (result.comparison == Comparison::same || result.comparison == Comparison::unclear) {
        out += "No difference from the baseline was shown.\n";
    }
    if (result.sol > 0) {
        out += "Fraction of the roof (memory bandwidth or peak arithmetic, whichever binds): " +
               figure(result.sol * 100, 0) + " %.\n";
        if (result.sol >= k_roof_reached) {
            out += "That is as good as the roof: only fewer bytes or other shapes can help.\n";
        }
    }
    return out;
}

/// What a device says of an accepted kernel: terms of its model, warnings of its checks.
std::string device_notes(const Attempt& attempt) {
    const Evaluation& result = attempt.result;
    if (!is_modelled(result)) {
        return {};
    }
    std::string places = result.detail;
    std::string notes = result.detail.empty() ? "" : cut_middle(result.detail, 1500) + "\n";
    for (std::size_t i = 0; i < std::min(result.findings.size(), k_max_findings); ++i) {
        notes += note_of(result.findings[i]) + "\n";
        places += result.findings[i].evidence + "\n";
    }
    if (notes.empty()) {
        return {};
    }
    const std::string lines = named_lines(places, attempt.source, k_max_findings);
    return "What the device says of it:\n" + fence(notes) + "\n" +
           (lines.empty() ? "" : "Lines of the source that it names:\n" + lines);
}

}  // namespace

std::string feedback_line(const Attempt& attempt) {
    const Evaluation& result = attempt.result;
    if (result.verdict == Verdict::accepted) {
        return "AC " + tell_speedup(result.speedup.value);
    }
    return verdict_label(result);
}

std::string shape_table(const Attempt& attempt) {
    if (attempt.result.verdict != Verdict::accepted || attempt.result.shapes.empty()) {
        return {};
    }
    std::string out = std::string("| shape | ") + (is_modelled(attempt.result) ? "modelled " : "") +
                      "time | fastest baseline | speed-up | GB/s | of roof | hot speed-up |\n"
                      "|---|---|---|---|---|---|---|\n";
    std::size_t shown = 0;
    for (const ShapeTiming& shape : attempt.result.shapes) {
        if (shown++ == k_max_shapes) {
            out += "| ... |\n";
            break;
        }
        const double hot = shape.hot_candidate_ns > 0 && shape.hot_baseline_ns > 0
                               ? shape.hot_baseline_ns / shape.hot_candidate_ns
                               : 0;
        out += "| " + one_line(shape.case_name, 40) + " " + show_case_dims(shape.dims) + " | " +
               show_time(shape.candidate_ns) + " | " + show_time(shape.baseline_ns) + " (" +
               one_line(shape.baseline, 24) + ") | " + show_speedup(shape.speedup) + " | " +
               (shape.gb_per_s > 0 ? figure(shape.gb_per_s, 1) : "-") + " | " +
               (shape.sol > 0 ? figure(shape.sol * 100, 0) + " %" : "-") + " | " +
               (hot > 0 ? figure(hot, 2) + "x" : "-") + " |\n";
    }
    return out;
}

std::string feedback_text(const Attempt& attempt) {
    const Evaluation& result = attempt.result;
    if (result.verdict == Verdict::internal) {
        return "The judge failed on its side; this says nothing about the source.\n";
    }
    std::string out = "Verdict: " + verdict_label(result) + "\n";
    if (result.verdict == Verdict::accepted) {
        return out + speed_text(result) + code_facts(result.build) + shape_table(attempt) +
               device_notes(attempt);
    }
    out += failure_text(attempt);
    for (std::size_t i = 0; i < std::min<std::size_t>(result.findings.size(), 4); ++i) {
        const Finding& finding = result.findings[i];
        if (finding.phase == "scan" || finding.phase == "build") {
            out += "Finding " + one_line(finding.rule, 40) + ": '" +
                   one_line(finding.evidence, 200) + "'\n";
        }
    }
    return out;
}

}  // namespace kw::agent
