// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/promotion.hpp"

#include "agent/campaign/campaign_loop.hpp"
#include "agent/campaign/drain.hpp"
#include "agent/text.hpp"
#include "core/hash.hpp"

#include <algorithm>
#include <utility>

namespace kw::agent {

namespace {

std::string ratio_or_verdict(const Evaluation& result) {
    if (result.verdict != Verdict::accepted) {
        return std::string(code(result.verdict)) + " " + std::string(name(result.verdict));
    }
    const Ratio& ratio = result.speedup;
    const std::string value = figure(ratio.value, 2) + "x";
    return ratio.lo == ratio.hi  // modelled: no noise
               ? value
               : value + " [" + figure(ratio.lo, 2) + ", " + figure(ratio.hi, 2) + "]";
}

/// A later time that the search cannot set beside its own. Without times nothing is.
bool is_foreign_time(const EvaluationRow& first, const EvaluationRow& later) {
    return later.purpose != "promotion" && first.result.verdict == Verdict::accepted &&
           later.result.verdict == Verdict::accepted && !share_a_clock(first.result, later.result);
}

}  // namespace

bool is_disturbed(const Evaluation& evaluation) {
    const bool busy = std::ranges::any_of(
        evaluation.findings, [](const Finding& finding) { return finding.rule == "busy-machine"; });
    const Ratio& ratio = evaluation.speedup;
    return busy || ratio.hi - ratio.lo > k_widest_interval * ratio.value;
}

bool share_a_clock(const Evaluation& a, const Evaluation& b) {
    return a.device == b.device && a.timing_kind == b.timing_kind;
}

const EvaluationRow* counted_judging(
    const EvaluationRow& first, const std::vector<EvaluationRow>& later) {
    const EvaluationRow* own = nullptr;
    const EvaluationRow* foreign = nullptr;
    bool judged_again = false;
    for (const EvaluationRow& row : later) {
        if (row.reproduces != first.id) {
            continue;
        }
        const bool is_foreign = is_foreign_time(first, row);
        judged_again = judged_again || !is_foreign;
        const EvaluationRow*& newest = is_foreign ? foreign : own;
        if (row.state == "judged" && (newest == nullptr || row.id > newest->id)) {
            newest = &row;
        }
    }
    if (own != nullptr) {
        return own;
    }
    const bool for_now = first.state == "unverified" || first.state == k_waiting;
    const bool counts = first.state == "judged" || (for_now && !judged_again);
    return counts ? &first : foreign;
}

EvaluationRow later_judging(
    const EvaluationRow& of, const std::string& purpose, const std::string& task_hash) {
    EvaluationRow row;
    row.campaign_id = of.campaign_id;
    row.step = of.step;
    row.slot = of.slot;
    row.candidate_hash = of.candidate_hash;
    row.parent_hash = of.parent_hash;
    row.reply_hash = of.reply_hash;
    row.note = of.note;
    row.task_hash = task_hash;
    row.purpose = purpose;
    row.reproduces = of.reproduces != 0 ? of.reproduces : of.id;
    return row;
}

std::string promotion_text(const Evaluation& first, const Evaluation& second, bool is_best) {
    std::string text = "judged again: " + ratio_or_verdict(second) + " after " +
                       ratio_or_verdict(first) + (is_best ? ": the new best" : ": not the best");
    if (second.verdict == Verdict::accepted && is_disturbed(second)) {
        text += " (a disturbed timing)";
    }
    return text;
}

/// As long as the best kernel was judged only once. A second judging that disappoints brings the
/// former best back, which was verified in its time; after a resume that may not be so.
/// The start source was not chosen for its time, so that its first judging is as good as a second;
/// it waits until the search is over, for it is seldom the best then.
Result<void> CampaignLoop::verify_best(bool search_is_over) {
    if (context_.device.waits()) {
        return {};  // a second modelled time would say the same; draining measures
    }
    for (const Attempt* best = best_of(history_); best != nullptr && !best->verified;
         best = best_of(history_)) {
        if (best->step == 0 && !search_is_over) {
            return {};
        }
        if (lacks_device_time()) {  // it stays unverified until the limit is raised
            return {};
        }
        KW_TRY(promote(*best));
    }
    return {};
}

bool CampaignLoop::lacks_device_time() const {
    const double cap = judging().device_seconds / k_judgings_reserved;
    return settings_.budget.max_device_seconds > 0 &&
           device_s_ + cap > settings_.budget.max_device_seconds;
}

/// No evaluation of the budget: the campaign's count stays. Its time is the campaign's.
Result<void> CampaignLoop::promote(Attempt attempt) {
    KW_TRY_ASSIGN(std::vector<EvaluationRow> rows, context_.store.evaluations(row_.id));
    const auto stored = std::ranges::find(rows, attempt.evaluation_id, &EvaluationRow::id);
    KW_CHECK(stored != rows.end());
    const EvaluationRow first = *stored;
    EvaluationRow second = later_judging(first, "promotion", row_.task_hash);
    KW_TRY_ASSIGN(second.result, call_judge(first, candidate_of(attempt.source), true));
    attempt.result = second.result;
    attempt.verified = true;
    history_ = with_attempt(history_, attempt);
    second.created_ms = context_.clock.utc_ms();
    count_time(second.result);
    note_progress(second.created_ms);
    KW_TRY_ASSIGN(
        const bool fresh,
        context_.store.put_promotion(second, changed_rows(std::move(rows)), row_));
    if (!fresh) {  // by us never; somebody made the earlier promotion stale and not the first
        return Error{
            Errc::database,
            "storing the evaluation: kernel " + short_id('k', first.candidate_hash) + " of " +
                row_.name + " was promoted before, and that judging was withdrawn",
            "kwright dev rejudge --campaign " + row_.name + " judges its kernels anew"};
    }
    tell_promoted(first, second);
    return too_many_own_failures(second.result);
}

/// Stored rows of which the search now thinks otherwise: the one judged again, and later ones that
/// were measured by it.
std::vector<EvaluationRow> CampaignLoop::changed_rows(std::vector<EvaluationRow> rows) const {
    std::vector<EvaluationRow> changed;
    for (EvaluationRow& row : rows) {
        const Attempt& now = *find_attempt(history_, row.step, row.slot);
        // A best is one from its second judging on.
        const bool new_best = now.new_best && now.verified;
        if (row.reward == now.reward && row.best_discounted == now.best_discounted &&
            row.new_best == new_best) {
            continue;
        }
        row.reward = now.reward;
        row.best_discounted = now.best_discounted;
        row.new_best = new_best;
        changed.push_back(std::move(row));
    }
    return changed;
}

void CampaignLoop::tell_promoted(const EvaluationRow& first, const EvaluationRow& second) {
    Event promoted = event(EventType::promoted, &second);
    promoted.verdict = second.result.verdict;
    promoted.seconds = second.result.wall_s;
    if (second.result.verdict == Verdict::accepted) {
        promoted.speedup = second.result.speedup;
    }
    const Attempt* best = best_of(history_);
    const bool is_best = best != nullptr && best->evaluation_id == first.id;
    promoted.text = promotion_text(first.result, second.result, is_best);
    emit(promoted);
    if (is_best) {
        promoted.type = EventType::best;
        promoted.text = first.note;
        emit(promoted);
    }
}

}  // namespace kw::agent
