// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/stored_history.hpp"

#include "agent/campaign/campaign_loop.hpp"
#include "agent/campaign/promotion.hpp"

#include <utility>
#include <vector>

namespace kw::agent {

namespace {

Result<Attempt> attempt_of(
    const EvaluationRow& row,
    const std::vector<EvaluationRow>& judgings,
    const std::string& target,
    db::Store& store) {
    Attempt attempt;
    attempt.target = target;
    attempt.step = row.step;
    attempt.slot = row.slot;
    attempt.candidate_hash = row.candidate_hash;
    attempt.parent_hash = row.parent_hash;
    attempt.note = row.note;
    attempt.evaluation_id = row.id;
    const EvaluationRow* counted = counted_judging(row, judgings);
    attempt.verified = counted != nullptr && counted->reproduces != 0;
    attempt.withdrawn = counted == nullptr;
    attempt.result = counted == nullptr ? row.result : counted->result;
    if (!row.candidate_hash.empty()) {
        KW_TRY_ASSIGN(const CandidateRow candidate, store.candidate(row.candidate_hash));
        attempt.source = candidate.source;
        attempt.token_hash = candidate.token_hash;
    }
    return attempt;
}

}  // namespace

Result<StoredHistory> stored_history(db::Store& store, const CampaignRow& campaign, double gamma) {
    KW_TRY_ASSIGN(const std::vector<EvaluationRow> rows, store.evaluations(campaign.id));
    KW_TRY_ASSIGN(const std::vector<EvaluationRow> judgings, store.judgings(campaign.id));
    StoredHistory stored;
    stored.history.gamma = gamma;
    for (const EvaluationRow& again : judgings) {
        stored.device_s += again.purpose == "promotion" ? device_seconds(again.result) : 0;
    }
    for (const EvaluationRow& row : rows) {
        stored.device_s += device_seconds(row.result);
        KW_TRY_ASSIGN(Attempt attempt, attempt_of(row, judgings, campaign.target, store));
        append(stored.history, std::move(attempt));
    }
    return stored;
}

}  // namespace kw::agent
