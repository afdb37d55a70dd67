// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/campaign_critiques.hpp"

#include "agent/campaign/stored_history.hpp"

namespace kw::agent {

Result<std::vector<JudgedCritique>> judged_critiques(
    db::Store& store, const CampaignRow& campaign) {
    KW_TRY_ASSIGN(const std::vector<CritiqueRow> rows, store.critiques(campaign.id));
    std::vector<JudgedCritique> judged;
    if (rows.empty()) {
        return judged;
    }
    KW_TRY_ASSIGN(const StoredHistory stored, stored_history(store, campaign, 1));
    for (const CritiqueRow& row : rows) {
        JudgedCritique one{row, HypothesisState::untested, {}};
        const std::vector<GivenCritique> given = {given_of(row)};
        for (const Hypothesis& hypothesis : hypotheses_of(stored.history, given)) {
            one.state = hypothesis.state;
            one.gain = hypothesis.gain;
        }
        judged.push_back(std::move(one));
    }
    return judged;
}

}  // namespace kw::agent
