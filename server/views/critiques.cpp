// SPDX-License-Identifier: Apache-2.0
#include "server/views/critiques.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>

namespace kw::server {

nlohmann::json critiques_json(const std::vector<agent::JudgedCritique>& critiques) {
    nlohmann::json all = nlohmann::json::array();
    for (const agent::JudgedCritique& judged : critiques) {
        const CritiqueRow& row = judged.row;
        nlohmann::json one = {
            {"step", row.step},
            {"slot", row.slot},
            {"kind", row.kind},
            {"model", row.model},
            {"usable", row.usable},
            {"diagnosis", row.diagnosis},
            {"bottleneck", row.bottleneck},
            {"change", row.change},
            {"expected_gain", nullptr},
            {"state", agent::name(judged.state)},
            {"gain", nullptr},
            {"usd", row.usd}};
        if (row.expected_gain > 0) {
            one["expected_gain"] = row.expected_gain;
        }
        if (judged.gain.value > 0) {
            one["gain"] = {
                {"value", judged.gain.value}, {"ci95", {judged.gain.lo, judged.gain.hi}}};
        }
        all.push_back(std::move(one));
    }
    return all;
}

Result<std::vector<agent::JudgedCritique>> critiques_of(
    const std::vector<EvaluationRow>& rows, db::Store& store) {
    std::vector<agent::JudgedCritique> found;
    KW_TRY_ASSIGN(const std::vector<CampaignRow> campaigns, store.campaigns());
    for (const CampaignRow& campaign : campaigns) {
        if (std::ranges::find(rows, campaign.id, &EvaluationRow::campaign_id) == rows.end()) {
            continue;
        }
        KW_TRY_ASSIGN(
            const std::vector<agent::JudgedCritique> all, agent::judged_critiques(store, campaign));
        std::ranges::copy_if(all, std::back_inserter(found), [&](const auto& judged) {
            return std::ranges::any_of(rows, [&](const EvaluationRow& row) {
                return row.campaign_id == campaign.id && row.step == judged.row.step &&
                       row.slot == judged.row.slot;
            });
        });
    }
    return found;
}

}  // namespace kw::server
