// SPDX-License-Identifier: Apache-2.0
// A critique claims a cause and names one change; the children of the criticised attempt are the
// control runs. Whether the claim holds is a pure function of history and critiques, so a resumed
// campaign knows the same.
#pragma once

#include "agent/critic/critique.hpp"
#include "agent/search/history.hpp"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace kw::agent {

enum class HypothesisState {
    untested,   ///< no child was accepted yet
    confirmed,  ///< the best child is faster than the attempt by more than the spread of both
    refuted,    ///< its gain lies inside the spread, or it is slower
};
[[nodiscard]] std::string_view name(HypothesisState state);  ///< "untested", "confirmed", "refuted"

struct Hypothesis {
    const GivenCritique* given = nullptr;
    HypothesisState state = HypothesisState::untested;
    bool of_accepted = false;  ///< the criticised attempt was accepted: the claim is a gain
    int children = 0;          ///< judged ones, failures too
    Ratio gain;                ///< of the best accepted child over the attempt; 0 = none
};

/// Modelled times have no spread; differences below this are not told apart.
inline constexpr double k_least_gain = 0.01;

/// speed-up of `child` over `parent`, both over the same baseline. The interval's half width on the
/// log scale is the root of the sum of squares of both, at least k_least_gain.
[[nodiscard]] Ratio gain_over(const Evaluation& child, const Evaluation& parent);

/// One for each usable critique of an attempt in the history, in the order given; hand in those
/// that children were shown, or what they did is no answer. A critique of a failure claims an
/// error, not a gain: it is confirmed when a child is accepted and otherwise untested.
[[nodiscard]] std::vector<Hypothesis> hypotheses_of(
    const History& history, const std::vector<GivenCritique>& given);

/// Bottlenecks that were refuted and not confirmed elsewhere.
[[nodiscard]] std::set<std::string> refuted_bottlenecks(const std::vector<Hypothesis>& hypotheses);

/// "tried, refuted: CHANGE (expected 1.50x, measured 1.01x [0.98, 1.04])", newest last, fenced: the
/// words are a model's. "" when nothing was refuted.
[[nodiscard]] std::string refuted_text(
    const std::vector<Hypothesis>& hypotheses, std::size_t at_most);

}  // namespace kw::agent
