// SPDX-License-Identifier: Apache-2.0
// An arm of an ablation: a strategy and what its asks tell the proposer. A simulated proposer knows
// nothing else: a search that does not show a parent does not get children.
#pragma once

#include "agent/search/preset.hpp"
#include "core/result.hpp"

#include <filesystem>
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

/// What the prompts of the preset hold: its sections and its critic. A preset whose asks all start
/// from the start source shows no parent, whatever its sections say: the start source is no find.
[[nodiscard]] Shown shown_by(const StrategyPreset& preset);

/// "NAME" or "NAME:+PART-PART...", PART one of parent, failure, trajectory, best, critique: the
/// strategy with parts put in and taken out. Errc::usage with did-you-mean for an unknown part; a
/// strategy that is not there is as load_preset() says, with `presets` the folder of the shipped
/// ones.
[[nodiscard]] Result<Arm> parse_arm(const std::string& text, const std::filesystem::path& presets);

}  // namespace kw::agent
