// SPDX-License-Identifier: Apache-2.0
// Histories for tests of the search.
#pragma once

#include "agent/search/history.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <string>

namespace kw::test {

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
