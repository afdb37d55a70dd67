// SPDX-License-Identifier: Apache-2.0
#include "agent/observation/advice.hpp"

#include "agent/critic/hypotheses.hpp"
#include "agent/observation/feedback.hpp"
#include "agent/text.hpp"
#include "core/config.hpp"

#include <algorithm>
#include <set>

namespace kw::agent {

namespace {

const char* language_of(const std::string& target) {
    return target == "cuda" ? "cuda" : "cpp";
}

/// "one of a, b, c", or the near one.
std::string hint_of(const std::string& given, const std::vector<std::string>& names) {
    if (const auto near = did_you_mean(given, names)) {
        return "did you mean " + *near + "?";
    }
    std::string out = "one of ";
    for (const std::string& name : names) {
        out += (&name == names.data() ? "" : ", ") + name;
    }
    return out;
}

/// A level or a target, which a directive of a candidate may have named: nothing but a word, since
/// it stands outside of fences.
std::string word_of(const std::string& text) {
    std::string out;
    for (const char c : text.substr(0, 64)) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
        out += plain ? c : '?';
    }
    return out;
}

std::string shown_speedup(double speedup, bool modelled) {
    return speedup > 0 ? figure(speedup, 2) + "x" + (modelled ? ", modelled" : "") : "not timed";
}

/// Line by line, fenced as one block.
std::string critique_block(const Critique& critique) {
    std::string lines = "diagnosis: " + one_line(critique.diagnosis, k_max_diagnosis) +
                        "\nbottleneck: " + one_line(critique.bottleneck, k_max_bottleneck) +
                        "\nchange: " + one_line(critique.change, k_max_change) + "\n";
    if (critique.expected_gain > 0) {
        lines += "expected gain: " + figure(critique.expected_gain, 2) + "x\n";
    }
    return fence(lines) + "\n";
}

Result<std::string> second_parent(const History& done, const Move& move, std::size_t bytes) {
    const Attempt* second = nullptr;
    for (const std::string& hash : move.inspirations) {
        second = second == nullptr ? find_attempt(done, hash) : second;
    }
    if (second == nullptr) {
        return Error{
            Errc::usage,
            "making a crossover: no second parent of the history was named",
            "an inspiration is the hash of an earlier candidate"};
    }
    return "Second parent (step " + std::to_string(second->step) + " slot " +
           std::to_string(second->slot) + ", " + feedback_line(*second) + "):\n" +
           fence(cut_middle(second->source, bytes), language_of(second->target)) + "\n";
}

Result<std::string> foreign_source(const Move& move, std::size_t bytes) {
    const Foreign& foreign = move.foreign;
    if (foreign.source.empty()) {
        return Error{Errc::usage, "carrying a kernel over: there is no source to carry", ""};
    }
    return "The kernel to carry over (target " + word_of(foreign.target) + ", " +
           word_of(foreign.level) + ", " + shown_speedup(foreign.speedup, false) + "):\n" +
           fence(cut_middle(foreign.source, bytes), language_of(foreign.target)) + "\n";
}

}  // namespace

const std::vector<std::string>& section_names() {
    static const std::vector<std::string> k_names = {
        "hints",
        "hint",
        "examples",
        "trajectory",
        "best",
        "discounted",
        "last",
        "parent",
        "critique",
        "refuted",
        "patterns"};
    return k_names;
}

const std::vector<std::string>& default_sections() {
    static const std::vector<std::string> k_names = {
        "hints", "hint", "trajectory", "best", "discounted", "last", "parent"};
    return k_names;
}

Result<void> check_sections(const std::vector<std::string>& sections) {
    std::set<std::string> seen;
    for (const std::string& section : sections) {
        const auto& names = section_names();
        if (std::find(names.begin(), names.end(), section) == names.end()) {
            return Error{
                Errc::usage,
                "unknown section '" + one_line(section, 40) + "' of a prompt",
                hint_of(section, names)};
        }
        if (!seen.insert(section).second) {
            return Error{
                Errc::usage, "section '" + section + "' of a prompt stands there twice", ""};
        }
    }
    return {};
}

bool has_section(const std::vector<std::string>& sections, const std::string& name) {
    const std::vector<std::string>& chosen = sections.empty() ? default_sections() : sections;
    return std::find(chosen.begin(), chosen.end(), name) != chosen.end();
}

std::string critique_section(
    const History& done, const std::vector<GivenCritique>& given, const Attempt* parent) {
    if (parent == nullptr) {
        return {};
    }
    const std::vector<Hypothesis> hypotheses = hypotheses_of(done, given);
    for (auto it = hypotheses.rbegin(); it != hypotheses.rend(); ++it) {
        const GivenCritique& one = *it->given;
        if (one.step != parent->step || one.slot != parent->slot) {
            continue;
        }
        if (it->state == HypothesisState::refuted) {
            return {};
        }
        return "\n## What holds the start source back\nA critic's claim, which may be wrong:\n" +
               critique_block(one.critique) +
               "Make this one change and no other, so that its effect can be told; if you know the "
               "claim to be wrong, say why in your note.\n";
    }
    return {};
}

std::string refuted_section(
    const History& done, const std::vector<GivenCritique>& given, std::size_t at_most) {
    const std::string text = refuted_text(hypotheses_of(done, given), at_most);
    return text.empty() ? text
                        : "\n## Ruled out\nThese changes were made and brought nothing beyond the "
                          "spread of the measurement: do not make them again.\n" +
                              text;
}

std::vector<Ranked> patterns_for(
    const Task& task, const History& done, const Advice& advice, const Attempt* parent) {
    if (advice.patterns == nullptr || parent == nullptr) {
        return {};
    }
    std::set<std::string> refuted;
    if (advice.critiques != nullptr) {
        refuted = refuted_bottlenecks(hypotheses_of(done, *advice.critiques));
    }
    const Facts facts = facts_of({task, done, *parent, advice.machine});
    return rank_patterns(*advice.patterns, facts, refuted);
}

std::string patterns_section(const std::vector<Ranked>& ranked, std::size_t at_most) {
    const std::string text = patterns_text(ranked, at_most);
    return text.empty() ? text : "\n## Patterns that fit the start source\n" + text;
}

std::string examples_section(const std::vector<Example>& examples, std::size_t bytes) {
    std::string out;
    for (const Example& example : examples) {
        if (bytes > 0) {
            out += "Best known kernel of " + word_of(example.signature.task) + " (" +
                   word_of(example.level) + ", " +
                   shown_speedup(example.speedup, example.modelled) + "):\n" +
                   fence(cut_middle(example.source, bytes), language_of(example.target)) + "\n";
        }
    }
    return out.empty() ? out
                       : "\n## Kernels of similar tasks\nTheir contracts differ: take ideas, not "
                         "code.\n" +
                             out;
}

Result<std::string> operator_section(
    const PromptBook& book,
    const Task& task,
    const History& done,
    const Move& move,
    std::size_t bytes) {
    if (move.op.empty()) {
        return std::string{};
    }
    const auto found = book.operators.find(move.op);
    if (found == book.operators.end()) {
        return Error{
            Errc::usage,
            "unknown operator '" + one_line(move.op, 40) + "' of a proposal",
            hint_of(move.op, operator_names())};
    }
    TemplateValues values = {{"task", task.name}};
    if (move.op == "crossover") {
        KW_TRY_ASSIGN(values["second"], second_parent(done, move, bytes));
    }
    if (move.op == "transpile") {
        KW_TRY_ASSIGN(values["foreign"], foreign_source(move, bytes));
    }
    KW_TRY_ASSIGN(const std::string text, fill_template(found->second, values, move.op + ".md"));
    return "\n## This step\n" + text;
}

}  // namespace kw::agent
