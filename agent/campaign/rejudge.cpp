// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/rejudge.hpp"

#include "agent/campaign/campaign_task.hpp"
#include "agent/campaign/promotion.hpp"
#include "agent/campaign/stored_candidate.hpp"
#include "core/config.hpp"
#include "core/hash.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace kw::agent {

namespace {

Result<StoredJudging> stored_of(const BoardRow& shown, db::Store& store) {
    StoredJudging stored;
    stored.device_id = shown.device_id;
    KW_TRY_ASSIGN(const std::optional<CampaignRow> campaign, store.campaign(shown.campaign));
    KW_CHECK(campaign.has_value());
    stored.task_folder = task_folder_of(*campaign);
    KW_TRY_ASSIGN(stored.candidate, store.candidate(shown.candidate_hash));
    KW_TRY_ASSIGN(
        const std::vector<EvaluationRow> rows, store.evaluations_of(shown.candidate_hash));
    const auto row = std::ranges::find(rows, shown.evaluation_id, &EvaluationRow::id);
    KW_CHECK(row != rows.end());
    stored.row = *row;
    return stored;
}

bool was_judged(const EvaluationRow& row) {
    return !row.candidate_hash.empty() && row.result.verdict != Verdict::no_reply &&
           row.result.verdict != Verdict::duplicate;
}

bool fits(const RejudgeFilter& filter, const EvaluationRow& row) {
    return was_judged(row) && (!filter.verdict || row.result.verdict == *filter.verdict) &&
           (filter.protocol.empty() || row.result.protocol == filter.protocol);
}

Result<void> check_name(
    const std::string& kind, const std::string& name, const std::vector<std::string>& known) {
    if (name.empty() || std::ranges::find(known, name) != known.end()) {
        return {};
    }
    const auto near = did_you_mean(name, known);
    return Error{
        Errc::usage,
        "the database has no " + kind + " '" + name + "'",
        near ? "did you mean " + *near + "?" : "see `kwright campaign list`"};
}

Result<void> check_names(const RejudgeFilter& filter, const std::vector<CampaignRow>& campaigns) {
    std::vector<std::string> names;
    std::vector<std::string> tasks;
    for (const CampaignRow& campaign : campaigns) {
        names.push_back(campaign.name);
        tasks.push_back(campaign.task);
    }
    KW_TRY(check_name("campaign", filter.campaign, names));
    return check_name("campaign of task", filter.task, tasks);
}

RejudgeOutcome outcome_of(const StoredJudging& stored, const Evaluation& now, const Task& task) {
    const EvaluationRow& before = stored.row;
    if (now.verdict == Verdict::internal || now.verdict == Verdict::compiled_only) {
        return RejudgeOutcome::not_judged;
    }
    if (!before.task_hash.empty() &&
        !is_same_task(task, stored.candidate.target, before.task_hash)) {
        return RejudgeOutcome::task_changed;
    }
    if (now.verdict != Verdict::accepted) {
        return RejudgeOutcome::broken;
    }
    const bool slower =
        share_a_clock(before.result, now) && now.speedup.hi < before.result.speedup.lo;
    return slower ? RejudgeOutcome::broken : RejudgeOutcome::holds;
}

Result<Evaluation> judge_stored(
    const StoredJudging& stored, const Task& task, RejudgeContext& context) {
    const std::string device = context.device.id();
    const Candidate candidate = candidate_of(stored.candidate, device);
    if (auto refusal = refused(candidate, device)) {
        refusal->device = context.device.description();
        return std::move(*refusal);
    }
    JudgeOptions options = context.options;
    options.independent = true;
    return judge(context.device, task, candidate, options, context.observer);
}

/// A slower time contradicts the times of its own machine only.
db::Earlier withdrawn_by(const Rejudgement& done) {
    if (done.outcome == RejudgeOutcome::holds) {
        return db::Earlier::keep;
    }
    const bool is_slower =
        done.outcome == RejudgeOutcome::broken && done.result.verdict == Verdict::accepted;
    return is_slower ? db::Earlier::stale_here : db::Earlier::stale;
}

/// Not stored when there is nothing to store.
Result<Rejudgement> judge_and_store(
    const StoredJudging& stored,
    const Task& task,
    RejudgeContext& context,
    const std::string& purpose) {
    Rejudgement done;
    KW_TRY_ASSIGN(done.result, judge_stored(stored, task, context));
    done.outcome = outcome_of(stored, done.result, task);
    if (done.outcome == RejudgeOutcome::not_judged) {
        return done;
    }
    EvaluationRow row = later_judging(stored.row, purpose, hash_for(task, stored.candidate.target));
    row.result = done.result;
    row.created_ms = context.clock.utc_ms();
    const db::Earlier earlier = purpose == "reverify" ? withdrawn_by(done) : db::Earlier::stale;
    KW_TRY(context.store.put_judging(row, earlier));
    return done;
}

}  // namespace

std::string_view name(RejudgeOutcome outcome) {
    switch (outcome) {
        case RejudgeOutcome::holds: return "holds";
        case RejudgeOutcome::broken: return "no longer holds";
        case RejudgeOutcome::task_changed: return "task changed";
        case RejudgeOutcome::not_judged: break;
    }
    return "not judged";
}

Result<std::vector<StoredJudging>> board_judgings(
    db::Store& store, const std::vector<std::string>& kernels) {
    BoardFilter filter;
    filter.all = !kernels.empty();
    filter.limit = 0;
    KW_TRY_ASSIGN(const std::vector<BoardRow> board, store.board(filter));
    std::vector<StoredJudging> chosen;
    if (kernels.empty()) {
        for (const BoardRow& row : board) {
            KW_TRY_ASSIGN(StoredJudging stored, stored_of(row, store));
            chosen.push_back(std::move(stored));
        }
        return chosen;
    }
    std::set<std::pair<std::string, std::string>> taken;
    for (const std::string& kernel : kernels) {
        KW_TRY_ASSIGN(const CandidateRow candidate, store.candidate(id_prefix(kernel, 'k')));
        bool shown = false;
        for (const BoardRow& row : board) {  // the best first
            if (row.candidate_hash != candidate.hash) {
                continue;
            }
            shown = true;
            if (taken.emplace(row.candidate_hash, row.device_id).second) {
                KW_TRY_ASSIGN(StoredJudging stored, stored_of(row, store));
                chosen.push_back(std::move(stored));
            }
        }
        if (!shown) {
            return Error{
                Errc::usage,
                short_id('k', candidate.hash) + " has no row on the board",
                "see `kwright board --all`, and kwright show " + short_id('k', candidate.hash)};
        }
    }
    return chosen;
}

Result<std::vector<StoredJudging>> rejudgeable(db::Store& store, const RejudgeFilter& filter) {
    KW_TRY_ASSIGN(const std::vector<CampaignRow> campaigns, store.campaigns());
    KW_TRY(check_names(filter, campaigns));
    std::vector<StoredJudging> chosen;
    for (const CampaignRow& campaign : campaigns) {
        if ((!filter.campaign.empty() && campaign.name != filter.campaign) ||
            (!filter.task.empty() && campaign.task != filter.task)) {
            continue;
        }
        const std::filesystem::path folder = task_folder_of(campaign);
        KW_TRY_ASSIGN(const std::vector<EvaluationRow> firsts, store.evaluations(campaign.id));
        KW_TRY_ASSIGN(const std::vector<EvaluationRow> later, store.judgings(campaign.id));
        for (const EvaluationRow& first : firsts) {
            const EvaluationRow* counted = counted_judging(first, later);
            if (counted == nullptr || !fits(filter, *counted)) {
                continue;
            }
            StoredJudging stored{*counted, {}, campaign.device, folder};
            KW_TRY_ASSIGN(stored.candidate, store.candidate(counted->candidate_hash));
            chosen.push_back(std::move(stored));
        }
    }
    return chosen;
}

Result<Rejudgement> reverify(
    const StoredJudging& stored, const Task& task, RejudgeContext& context) {
    return judge_and_store(stored, task, context, "reverify");
}

Result<Rejudgement> rejudge(
    const StoredJudging& stored, const Task& task, RejudgeContext& context) {
    return judge_and_store(stored, task, context, "rejudge");
}

}  // namespace kw::agent
