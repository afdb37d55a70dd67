// SPDX-License-Identifier: Apache-2.0
// An arm of an ablation: a strategy and what its asks tell the proposer. A simulated proposer knows
// nothing else: a search that does not show a parent does not get children.
#pragma once

#include "core/result.hpp"

#include <string>

namespace kw::agent {

/// What stands in the prompt of an ask.
struct Shown {
    bool parent = false;      ///< the parent's source and its feedback
    bool failure = false;     ///< why the parent failed, when it did
    bool trajectory = false;  ///< one line for everything that was tried in earlier steps
    bool best = false;        ///< the best kernel's source: costs tokens
    bool critique = false;    ///< what a critic says of the parent
    bool operator==(const Shown&) const = default;
};

struct Arm {
    std::string label;     ///< as it was asked for: "maxcode:-critique"
    std::string strategy;  ///< a preset: name or file
    Shown shown;
};

/// What the strategies of the field show, by name; an unknown one shows parent, failure and best.
/// These are the papers' prompts: kwright's own shows every strategy the whole trajectory, which
/// "chain:+trajectory" stands for.
[[nodiscard]] Shown shown_by(const std::string& strategy);

/// "NAME" or "NAME:+PART-PART...", PART one of parent, failure, trajectory, best, critique: the
/// strategy with parts put in and taken out. Errc::usage with did-you-mean for an unknown part; the
/// name is not looked at.
[[nodiscard]] Result<Arm> parse_arm(const std::string& text);

}  // namespace kw::agent
