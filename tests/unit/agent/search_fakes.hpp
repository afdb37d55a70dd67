// SPDX-License-Identifier: Apache-2.0
// Histories and shipped presets for tests of the search.
#pragma once

#include "agent/search/strategy.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <memory>
#include <string>

namespace kw::test {

inline fs::path presets_folder() {
    return fs::path(KW_SOURCE_DIR) / "prompts" / "strategies";
}

inline agent::StrategyPreset shipped_preset(const std::string& name) {
    return must(agent::load_preset(name, presets_folder()));
}

inline std::unique_ptr<agent::Strategy> shipped_strategy(
    const std::string& name, const agent::StrategyOptions& options) {
    return agent::make_strategy(shipped_preset(name), options);
}

/// "h3.1" for step 3 slot 1.
inline std::string hash_at(int step, int slot) {
    return "h" + std::to_string(step) + "." + std::to_string(slot);
}

inline void add(
    agent::History& history,
    int step,
    int slot,
    const Evaluation& result,
    const std::string& parent = "") {
    agent::Attempt attempt;
    attempt.step = step;
    attempt.slot = slot;
    attempt.candidate_hash = hash_at(step, slot);
    attempt.parent_hash = parent;
    attempt.source = "source";
    attempt.result = result;
    append(history, std::move(attempt));
}

}  // namespace kw::test
