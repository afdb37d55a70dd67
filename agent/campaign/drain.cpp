// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/drain.hpp"

#include "agent/campaign/campaign_task.hpp"

namespace kw::agent {

Result<std::vector<StoredJudging>> waiting_judgings(
    db::Store& store, const std::string& device_id) {
    KW_TRY_ASSIGN(const std::vector<CampaignRow> campaigns, store.campaigns());
    std::vector<StoredJudging> waiting;
    for (const CampaignRow& campaign : campaigns) {
        if (!device_id.empty() && campaign.device != device_id) {
            continue;
        }
        KW_TRY_ASSIGN(const std::vector<EvaluationRow> rows, store.evaluations(campaign.id));
        for (const EvaluationRow& row : rows) {
            if (row.state == k_waiting) {
                StoredJudging stored{row, {}, campaign.device, task_folder_of(campaign)};
                KW_TRY_ASSIGN(stored.candidate, store.candidate(row.candidate_hash));
                waiting.push_back(std::move(stored));
            }
        }
    }
    return waiting;
}

}  // namespace kw::agent
