// SPDX-License-Identifier: Apache-2.0
#include "server/views/attempts.hpp"

#include "agent/budget/ledger.hpp"
#include "agent/campaign/promotion.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace kw::server {

namespace {

/// Nothing counts: what became of the newest judging says why.
std::string state_of_newest(const EvaluationRow& first, const std::vector<EvaluationRow>& later) {
    const EvaluationRow* newest = &first;
    for (const EvaluationRow& row : later) {
        if (row.reproduces == first.id && row.id > newest->id) {
            newest = &row;
        }
    }
    return newest->state;
}

/// The later judgings of each first one: a campaign may have thousands of both.
using LaterByFirst = std::map<std::int64_t, std::vector<EvaluationRow>>;

Attempt attempt_of(EvaluationRow first, const std::vector<EvaluationRow>& later) {
    const EvaluationRow* counted = agent::counted_judging(first, later);
    Attempt attempt;
    attempt.counts = counted != nullptr;
    attempt.state = attempt.counts ? counted->state : state_of_newest(first, later);
    const bool again = counted != nullptr && counted->id != first.id;
    attempt.row = std::move(first);
    if (again) {
        attempt.first = std::exchange(attempt.row.result, counted->result);
    }
    return attempt;
}

double finite_or_zero(double value) {
    return std::isfinite(value) ? std::max(0.0, value) : 0.0;
}

/// Ordinals, and what was spent up to each.
void count_up(
    std::vector<Attempt>& attempts, std::vector<ModelCallRow> calls, const CampaignRow& campaign) {
    std::vector<Attempt*> stored;
    for (Attempt& attempt : attempts) {
        stored.push_back(&attempt);
    }
    std::ranges::sort(stored, {}, [](const Attempt* attempt) { return attempt->row.id; });
    std::erase_if(calls, [](const ModelCallRow& call) { return call.ended_ms == 0; });
    std::ranges::sort(calls, {}, &ModelCallRow::ended_ms);
    Spent spent;
    std::size_t ended = 0;
    int ordinal = 0;
    for (Attempt* attempt : stored) {
        const EvaluationRow& row = attempt->row;
        for (; ended < calls.size() && calls[ended].ended_ms <= row.created_ms; ++ended) {
            spent.usd += finite_or_zero(agent::charged_usd(calls[ended]));
            spent.tokens += agent::charged_tokens(calls[ended]);
        }
        const double since_ms =
            static_cast<double>(row.created_ms) - static_cast<double>(campaign.created_ms);
        spent.seconds = std::max(spent.seconds, since_ms / 1000);
        const Evaluation& judged = attempt->first ? *attempt->first : row.result;
        spent.judge_seconds += finite_or_zero(judged.wall_s);
        spent.judge_seconds += attempt->first ? finite_or_zero(row.result.wall_s) : 0;
        attempt->spent = spent;
        attempt->ordinal = ordinal++;
    }
}

}  // namespace

Result<std::vector<Attempt>> attempts_of(const CampaignRow& campaign, db::Store& store) {
    KW_TRY_ASSIGN(std::vector<EvaluationRow> firsts, store.evaluations(campaign.id));
    KW_TRY_ASSIGN(std::vector<EvaluationRow> later, store.judgings(campaign.id));
    KW_TRY_ASSIGN(std::vector<ModelCallRow> calls, store.model_calls(campaign.id));
    LaterByFirst by_first;
    for (EvaluationRow& row : later) {
        by_first[row.reproduces].push_back(std::move(row));
    }
    std::map<std::pair<int, int>, std::string> models;
    for (const ModelCallRow& call : calls) {
        if (call.purpose == "proposal") {
            models.emplace(std::pair(call.step, call.slot), call.model);
        }
    }
    std::vector<Attempt> attempts;
    attempts.reserve(firsts.size());
    for (EvaluationRow& first : firsts) {
        const auto again = by_first.find(first.id);
        attempts.push_back(attempt_of(
            std::move(first),
            again == by_first.end() ? std::vector<EvaluationRow>() : again->second));
        const EvaluationRow& row = attempts.back().row;
        const auto model = models.find({row.step, row.slot});
        attempts.back().model = model == models.end() ? campaign.proposer : model->second;
    }
    count_up(attempts, std::move(calls), campaign);
    return attempts;
}

std::vector<const Attempt*> in_order(const std::vector<Attempt>& attempts) {
    std::vector<const Attempt*> ordered;
    for (const Attempt& attempt : attempts) {
        ordered.push_back(&attempt);
    }
    std::ranges::sort(ordered, {}, &Attempt::ordinal);
    return ordered;
}

bool is_kernel(const Attempt& attempt) {
    const double speedup = attempt.row.result.speedup.value;
    return attempt.counts && attempt.row.result.verdict == Verdict::accepted && speedup > 0 &&
           std::isfinite(speedup);
}

bool is_best(const Attempt& attempt) {
    return attempt.row.new_best && is_kernel(attempt);
}

std::optional<double> max_error(const Evaluation& evaluation) {
    std::optional<double> highest;
    for (const CaseOutcome& outcome : evaluation.cases) {
        highest = std::max(highest.value_or(0), finite_or_zero(outcome.max_error));
    }
    return highest;
}

}  // namespace kw::server
