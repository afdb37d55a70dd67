// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/past_attempts.hpp"

#include "agent/campaign/stored_history.hpp"

#include <algorithm>
#include <utility>

namespace kw::agent {

namespace {

bool is_earlier(const CampaignRow& other, const CampaignRow& campaign) {
    return other.id < campaign.id && other.task == campaign.task &&
           other.task_hash == campaign.task_hash && other.device == campaign.device;
}

bool says_something(const Attempt& attempt) {
    const Verdict verdict = attempt.result.verdict;
    return !attempt.source.empty() && !attempt.withdrawn && verdict != Verdict::duplicate &&
           verdict != Verdict::internal && verdict != Verdict::compiled_only;
}

PastAttempt past_of(const Attempt& attempt, const History& history) {
    PastAttempt past;
    past.proposal = {attempt.source, attempt.target, attempt.parent_hash, attempt.slot};
    past.reward = attempt.reward;
    if (const Attempt* parent = find_attempt(history, attempt.parent_hash)) {
        past.parent_reward = parent->reward;
        past.parent_source = parent->source;
    }
    return past;
}

}  // namespace

Result<std::vector<PastAttempt>> past_attempts(
    db::Store& store, const CampaignRow& campaign, std::size_t at_most) {
    KW_TRY_ASSIGN(std::vector<CampaignRow> campaigns, store.campaigns());
    std::ranges::sort(campaigns, std::ranges::greater{}, &CampaignRow::id);
    std::vector<PastAttempt> newest_first;
    for (const CampaignRow& other : campaigns) {
        if (newest_first.size() >= at_most || !is_earlier(other, campaign)) {
            continue;
        }
        KW_TRY_ASSIGN(const StoredHistory stored, stored_history(store, other, 1));
        const std::vector<Attempt>& attempts = stored.history.attempts;
        for (auto it = attempts.rbegin(); it != attempts.rend(); ++it) {
            if (newest_first.size() < at_most && says_something(*it)) {
                newest_first.push_back(past_of(*it, stored.history));
            }
        }
    }
    std::ranges::reverse(newest_first);
    return newest_first;
}

}  // namespace kw::agent
