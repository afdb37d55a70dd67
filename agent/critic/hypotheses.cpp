// SPDX-License-Identifier: Apache-2.0
#include "agent/critic/hypotheses.hpp"

#include "agent/text.hpp"

#include <algorithm>
#include <cmath>

namespace kw::agent {

namespace {

double half_width(const Ratio& ratio) {
    return ratio.lo > 0 && ratio.hi > ratio.lo ? std::log(ratio.hi / ratio.lo) / 2 : 0;
}

HypothesisState state_of(const Ratio& gain) {
    return gain.lo > 1 ? HypothesisState::confirmed : HypothesisState::refuted;
}

/// Fills in what the children of `attempt` say.
void ask_children(const History& history, const Attempt& attempt, Hypothesis& hypothesis) {
    hypothesis.of_accepted = attempt.reward > 0;
    for (const Attempt& child : history.attempts) {
        const bool later = child.step > attempt.step;
        const bool judged = child.result.verdict != Verdict::internal && !child.withdrawn;
        if (!later || !judged || child.parent_hash != attempt.candidate_hash) {
            continue;
        }
        ++hypothesis.children;
        if (child.reward <= 0) {
            continue;
        }
        if (!hypothesis.of_accepted) {
            hypothesis.state = HypothesisState::confirmed;
            continue;
        }
        const Ratio gain = gain_over(child.result, attempt.result);
        if (hypothesis.gain.value == 0 || gain.value > hypothesis.gain.value) {
            hypothesis.gain = gain;
            hypothesis.state = state_of(gain);
        }
    }
}

}  // namespace

std::string_view name(HypothesisState state) {
    switch (state) {
        case HypothesisState::untested: return "untested";
        case HypothesisState::confirmed: return "confirmed";
        case HypothesisState::refuted: return "refuted";
    }
    return "untested";
}

Ratio gain_over(const Evaluation& child, const Evaluation& parent) {
    const double value = child.speedup.value / parent.speedup.value;
    const double spread =
        std::max(std::hypot(half_width(child.speedup), half_width(parent.speedup)), k_least_gain);
    return {value, value * std::exp(-spread), value * std::exp(spread)};
}

std::vector<Hypothesis> hypotheses_of(
    const History& history, const std::vector<GivenCritique>& given) {
    std::vector<Hypothesis> out;
    for (const GivenCritique& one : given) {
        const Attempt* attempt = find_attempt(history, one.step, one.slot);
        if (!one.critique.usable || attempt == nullptr || attempt->candidate_hash.empty()) {
            continue;
        }
        Hypothesis hypothesis;
        hypothesis.given = &one;
        ask_children(history, *attempt, hypothesis);
        out.push_back(hypothesis);
    }
    return out;
}

std::set<std::string> refuted_bottlenecks(const std::vector<Hypothesis>& hypotheses) {
    std::set<std::string> refuted;
    for (const Hypothesis& hypothesis : hypotheses) {
        if (hypothesis.state == HypothesisState::refuted) {
            refuted.insert(hypothesis.given->critique.bottleneck);
        }
    }
    for (const Hypothesis& hypothesis : hypotheses) {
        if (hypothesis.state == HypothesisState::confirmed) {
            refuted.erase(hypothesis.given->critique.bottleneck);
        }
    }
    return refuted;
}

std::string refuted_text(const std::vector<Hypothesis>& hypotheses, std::size_t at_most) {
    std::vector<std::string> lines;
    for (const Hypothesis& hypothesis : hypotheses) {
        if (hypothesis.state != HypothesisState::refuted) {
            continue;
        }
        const Critique& critique = hypothesis.given->critique;
        std::string line = "tried, refuted: " + one_line(critique.change, 200) + " [" +
                           one_line(critique.bottleneck, k_max_bottleneck) + "] (";
        if (critique.expected_gain > 0) {
            line += "expected " + figure(critique.expected_gain, 2) + "x, ";
        }
        lines.push_back(line + "measured " + show_speedup(hypothesis.gain) + ")\n");
    }
    std::string out;
    for (std::size_t i = lines.size() - std::min(at_most, lines.size()); i < lines.size(); ++i) {
        out += lines[i];
    }
    return out.empty() ? out : fence(out) + "\n";
}

}  // namespace kw::agent
