// SPDX-License-Identifier: Apache-2.0
// What critics said in a stored campaign, beside what became of it.
#pragma once

#include "agent/critic/hypotheses.hpp"
#include "core/result.hpp"
#include "core/rows.hpp"
#include "db/store.hpp"

#include <vector>

namespace kw::agent {

struct JudgedCritique {
    CritiqueRow row;
    HypothesisState state = HypothesisState::untested;
    Ratio gain;  ///< of the best accepted child; 0 = none, or the criticised attempt had failed
};

/// By step and slot; those that could not be used too, as untested.
[[nodiscard]] Result<std::vector<JudgedCritique>> judged_critiques(
    db::Store& store, const CampaignRow& campaign);

}  // namespace kw::agent
