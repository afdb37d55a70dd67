// SPDX-License-Identifier: Apache-2.0
#include "agent/observation/advice.hpp"

#include "agent/critic/hypotheses.hpp"
#include "agent/observation/feedback.hpp"
#include "agent/text.hpp"

#include <set>

namespace kw::agent {

namespace {

const char* language_of(const std::string& target) {
    return target == "cuda" ? "cuda" : "cpp";
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

std::string told(const Attempt& attempt) {
    return "step " + std::to_string(attempt.step) + " slot " + std::to_string(attempt.slot) + ", " +
           feedback_line(attempt);
}

/// Those of the history, in the order of the ask.
std::vector<const Attempt*> inspirations_of(const ObservedAsk& what) {
    std::vector<const Attempt*> found;
    for (const std::string& hash : what.ask.inspirations) {
        if (const Attempt* attempt = find_attempt(what.done, hash)) {
            found.push_back(attempt);
        }
    }
    return found;
}

std::string second_parent(const Attempt& second, std::size_t bytes) {
    return "Second parent (" + told(second) + "):\n" +
           fence(cut_middle(second.source, bytes), language_of(second.target)) + "\n";
}

Result<std::string> foreign_source(const Foreign& foreign, std::size_t bytes) {
    if (foreign.source.empty()) {
        return Error{Errc::usage, "carrying a kernel over: there is no source to carry", ""};
    }
    return "The kernel to carry over (target " + word_of(foreign.target) + ", " +
           word_of(foreign.level) + ", " + shown_speedup(foreign.speedup, foreign.modelled) +
           "):\n" + fence(cut_middle(foreign.source, bytes), language_of(foreign.target)) + "\n";
}

/// What exists, without a source to copy from.
std::string designs_text(const std::vector<const Attempt*>& kernels) {
    std::string lines;
    for (const Attempt* kernel : kernels) {
        lines += told(*kernel) +
                 (kernel->note.empty() ? "" : "  -- " + one_line(kernel->note, 160)) + "\n";
    }
    return lines.empty() ? lines : "\nDesigns that exist already:\n" + fence(lines) + "\n";
}

std::string kernels_text(const std::vector<const Attempt*>& kernels, std::size_t bytes) {
    std::string out;
    for (const Attempt* kernel : kernels) {
        const std::size_t share = bytes / kernels.size();
        out +=
            "Another kernel of this search (" + told(*kernel) + ")" +
            (share == 0
                 ? "\n"
                 : ":\n" + fence(cut_middle(kernel->source, share), language_of(kernel->target)) +
                       "\n");
    }
    return out.empty() ? out : "\nEdits apply to the start source alone.\n" + out;
}

}  // namespace

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
    const PromptBook& book, const ObservedAsk& what, std::size_t bytes, std::size_t further) {
    const Operator op = what.ask.op;
    const std::string op_name(name(op));
    const auto found = book.operators.find(op_name);
    KW_CHECK(found != book.operators.end());
    std::vector<const Attempt*> kernels = inspirations_of(what);
    TemplateValues values = {{"task", what.task.name}};
    if (op == Operator::crossover) {
        if (kernels.empty()) {
            return Error{
                Errc::usage,
                "making a crossover: no second parent of the history was named",
                "an inspiration is the hash of an earlier candidate"};
        }
        values["second"] = second_parent(*kernels.front(), bytes);
        kernels.erase(kernels.begin());
    }
    if (op == Operator::transpile) {
        KW_TRY_ASSIGN(values["foreign"], foreign_source(what.foreign, bytes));
    }
    if (op == Operator::fresh) {
        if (const Attempt* parent = find_attempt(what.done, what.ask.parent_hash)) {
            kernels.insert(kernels.begin(), parent);
        }
    }
    KW_TRY_ASSIGN(const std::string text, fill_template(found->second, values, op_name + ".md"));
    return "\n## This step\n" + text +
           (op == Operator::fresh ? designs_text(kernels) : kernels_text(kernels, further));
}

}  // namespace kw::agent
