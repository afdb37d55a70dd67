// SPDX-License-Identifier: Apache-2.0
// A user's own file on the board. Submissions of a task share one campaign a device, "user-<task>"
// on the CPU, one slot each.
#include "agent/campaign/campaign.hpp"
#include "agent/campaign/campaign_settings.hpp"
#include "agent/campaign/promotion.hpp"

#include <algorithm>

namespace kw::agent {

namespace {

Result<CampaignRow> user_campaign(const Task& task, CampaignContext& context) {
    const std::string device = context.device.id();
    std::string name = "user-" + task.name;
    if (device != "cpu") {
        name += "-" + device;
        std::replace(name.begin(), name.end(), ':', '-');
    }
    KW_TRY_ASSIGN(std::optional<CampaignRow> found, context.store.campaign(name));
    if (found) {
        found->task_hash = hash_for(task, found->target);
        return std::move(*found);
    }
    StoredSettings stored;
    stored.settings.proposer = "user";
    stored.settings.strategy = "submit";
    stored.task_folder = task.folder;
    CampaignRow row;
    row.name = name;
    row.task = task.name;
    row.device = device;
    row.target = target_of_device(device);
    row.task_hash = hash_for(task, row.target);
    row.strategy = "submit";
    row.proposer = "user";
    row.settings_json = to_json(stored);
    row.state = "finished";
    row.created_ms = context.clock.utc_ms();
    row.updated_ms = row.created_ms;
    return context.store.create_campaign(std::move(row));
}

/// Whether it would be the best of the submissions, by the lower end of the intervals.
bool would_be_best(
    const Evaluation& result,
    const std::vector<EvaluationRow>& earlier,
    const std::vector<EvaluationRow>& later) {
    if (result.verdict != Verdict::accepted || result.shapes.empty()) {
        return false;
    }
    return std::ranges::all_of(earlier, [&](const EvaluationRow& first) {
        const EvaluationRow* row = counted_judging(first, later);
        return row == nullptr || row->result.verdict != Verdict::accepted ||
               row->result.speedup.lo < result.speedup.lo;
    });
}

}  // namespace

Result<EvaluationRow> submit_candidate(
    const Task& task,
    const Candidate& candidate,
    CampaignContext& context,
    const JudgeOptions& options) {
    EvaluationRow row;
    const auto observer = [&](const std::string& stage, const std::string& text) {
        Event event;
        event.type = stage == "retry" ? EventType::retry : EventType::stage;
        event.utc_ms = context.clock.utc_ms();
        event.task = task.name;
        event.candidate = candidate.hash;
        event.text = stage + (text.empty() ? "" : ": " + text);
        context.events.on_event(event);
    };
    KW_TRY_ASSIGN(row.result, judge(context.device, task, candidate, options, observer));
    KW_TRY_ASSIGN(CampaignRow campaign, user_campaign(task, context));
    KW_TRY_ASSIGN(const std::vector<EvaluationRow> earlier, context.store.evaluations(campaign.id));
    KW_TRY_ASSIGN(const std::vector<EvaluationRow> later, context.store.judgings(campaign.id));
    const bool promote = would_be_best(row.result, earlier, later);
    Evaluation second;
    if (promote) {
        JudgeOptions again = options;
        again.independent = true;
        KW_TRY_ASSIGN(second, judge(context.device, task, candidate, again, observer));
    }
    CandidateRow stored;
    stored.hash = candidate.hash;
    stored.task = candidate.task;
    stored.target = candidate.target;
    stored.isa = code_level(candidate);
    stored.source = candidate.source;
    stored.token_hash = token_hash(candidate.source);
    stored.origin = "user";
    stored.created_ms = context.clock.utc_ms();
    KW_TRY(context.store.put_candidate(stored));
    row.campaign_id = campaign.id;
    row.slot = earlier.empty() ? 0 : earlier.back().slot + 1;
    row.candidate_hash = candidate.hash;
    row.task_hash = campaign.task_hash;
    row.note = "submitted";
    row.reward = row.result.verdict == Verdict::accepted ? row.result.speedup.value : 0;
    row.state = promote ? "unverified" : "judged";
    row.created_ms = context.clock.utc_ms();
    campaign.evaluations = static_cast<int>(earlier.size()) + 1;
    campaign.updated_ms = row.created_ms;
    if (!promote) {
        KW_TRY_ASSIGN(row.id, context.store.put_evaluation(row, campaign));
        return row;
    }
    row.reward = second.verdict == Verdict::accepted ? second.speedup.value : 0;
    row.new_best = would_be_best(second, earlier, later);
    EvaluationRow promoted = later_judging(row, "promotion", campaign.task_hash);
    promoted.result = std::move(second);
    promoted.created_ms = context.clock.utc_ms();
    KW_TRY_ASSIGN(promoted.reproduces, context.store.put_evaluation(row, promoted, campaign));
    return promoted;
}

}  // namespace kw::agent
