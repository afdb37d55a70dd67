// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/campaign_loop.hpp"

#include "agent/campaign/stored_history.hpp"
#include "agent/observation/observation.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace kw::agent {

double device_seconds(const Evaluation& evaluation) {
    double seconds = evaluation.wall_s;
    for (const StageTime& stage : evaluation.stages) {
        seconds -= stage.stage == "lane" ? stage.ms / 1000 : 0;
    }
    return std::isfinite(seconds) ? std::max(0.0, seconds) : 0;
}

CampaignLoop::CampaignLoop(
    StoredSettings stored,
    const Task& task,
    CampaignContext& context,
    CampaignParts parts,
    CampaignRow row)
    : stored_(std::move(stored))
    , settings_(stored_.settings)
    , task_(task)
    , context_(context)
    , parts_(std::move(parts))
    , row_(std::move(row)) {
    history_.gamma = settings_.gamma;
}

Result<CampaignSummary> CampaignLoop::run() {
    KW_TRY(load());
    row_.updated_ms = context_.clock.utc_ms();
    row_.state = "running";
    row_.stop_reason.clear();
    KW_TRY(context_.store.update_campaign(row_));
    Event started = event(EventType::started);
    started.text =
        history_.attempts.empty()
            ? task_.title
            : "resumed after " + std::to_string(history_.attempts.size()) + " evaluations";
    emit(started);
    Result<Stop> stop = go();
    if (stop.ok() && stop->state == "finished") {
        if (const auto verified = verify_best(true); !verified) {
            stop = verified.error();
        }
    }
    if (!stop) {
        const bool by_user = stop.error().code == Errc::interrupted;
        const Stop failed{
            by_user ? "interrupted" : "failed", by_user ? "interrupted" : stop.error().what};
        KW_TRY(finish(failed));
        if (by_user) {
            return summary(failed);
        }
        return std::move(stop).error();
    }
    KW_TRY(finish(*stop));
    return summary(*stop);
}

Result<void> CampaignLoop::load() {
    began_ = context_.clock.steady();
    KW_TRY_ASSIGN(ledger_, Ledger::open(context_.store, context_.clock, row_.id, settings_.budget));
    KW_TRY_ASSIGN(advice_, CampaignAdvice::open(parts_.advice, advised()));
    KW_TRY_ASSIGN(std::vector<ReplyRow> replies, context_.store.replies(row_.id));
    for (ReplyRow& reply : replies) {
        outcomes_.push_back({reply.model, reply.step, reply.slot, 0, 0, reply.usd});
        reply.prompt.clear();
        const std::pair<int, int> key{reply.step, reply.slot};
        replies_.emplace(key, std::move(reply));
    }
    KW_TRY_ASSIGN(StoredHistory stored, stored_history(context_.store, row_, settings_.gamma));
    history_ = std::move(stored.history);
    device_s_ = stored.device_s;
    row_.evaluations = static_cast<int>(history_.attempts.size());
    note_spend();
    // The process lived at least until its last call was settled.
    const double since_s = static_cast<double>(ledger_->totals().ended_ms - row_.updated_ms) / 1000;
    elapsed_before_s_ = std::max(stored_.elapsed_s + std::max(0.0, since_s), device_s_);
    header_ = prompt_header(task_, row_.device);
    return {};
}

AdvisedCampaign CampaignLoop::advised() {
    const auto tell = [this](EventType type, int step, int slot, const std::string& text) {
        Event told = event(type);
        told.step = step;
        told.slot = slot;
        told.text = text;
        emit(told);
    };
    return {
        row_,
        task_,
        parts_.prompts,
        parts_.proposer,
        context_.store,
        *ledger_,
        context_.clock,
        context_.stop.level,
        tell};
}

Result<CampaignLoop::Stop> CampaignLoop::go() {
    KW_TRY(verify_best(false));  // a kill may have come between the two judgings
    KW_TRY_ASSIGN(std::optional<Stop> stop, judge_start());
    int through = 0;  // steps up to here are complete
    while (!stop) {
        const std::optional<Wave> wave = parts_.strategy.next(before_step(history_, through + 1));
        if (!wave) {
            return Stop{"finished", "search finished"};
        }
        KW_CHECK(wave->step > through && !wave->asks.empty());
        KW_TRY_ASSIGN(stop, run_wave(*wave));
        through = wave->step;
    }
    return std::move(*stop);
}

Result<void> CampaignLoop::finish(const Stop& stop) {
    note_progress(context_.clock.utc_ms());
    row_.state = stop.state;
    row_.stop_reason = stop.reason;
    KW_TRY(context_.store.update_campaign(row_));
    Event stopped = event(EventType::stopped);
    stopped.seconds = stored_.elapsed_s;
    stopped.text = stop.reason;
    emit(stopped);
    return {};
}

std::string CampaignLoop::source_of(const std::string& hash) const {
    const Attempt* attempt = find_attempt(history_, hash);
    return attempt == nullptr ? std::string{} : attempt->source;
}

Spend CampaignLoop::spend() const {
    const Ledger::Totals calls = ledger_->totals();
    return {
        row_.evaluations,
        calls.usd + calls.reserved_usd,
        calls.tokens + calls.reserved_tokens,
        elapsed_s(),
        device_s_};
}

/// A new best is judged twice.
Reservation CampaignLoop::judging() const {
    const double cap = settings_.judge_cap_s > 0 ? settings_.judge_cap_s : task_.judge_cap_s;
    return {0, 0, k_judgings_reserved * cap};
}

void CampaignLoop::note_spend() {
    const Ledger::Totals calls = ledger_->totals();
    row_.spent_usd = calls.usd;
    row_.tokens_in = calls.tokens_in;
    row_.tokens_out = calls.tokens_out;
}

double CampaignLoop::elapsed_s() const {
    return elapsed_before_s_ - not_charged_s_ +
           std::chrono::duration<double>(context_.clock.steady() - began_).count();
}

std::optional<CampaignLoop::Stop> CampaignLoop::interrupted() const {
    if (context_.stop.level.load() > 0) {
        return Stop{"interrupted", "interrupted"};
    }
    return std::nullopt;
}

Event CampaignLoop::event(EventType type, const EvaluationRow* about) const {
    Event out;
    out.type = type;
    out.campaign = row_.name;
    out.task = task_.name;
    out.max_evals = settings_.budget.max_evals;
    const Ledger::Totals calls = ledger_->totals();
    out.usd = calls.usd;
    out.tokens_in = calls.tokens_in;
    out.tokens_out = calls.tokens_out;
    out.eval = static_cast<int>(history_.attempts.size());
    if (const Attempt* best = verified_best_of(history_)) {
        out.best_speedup = best->result.speedup;
    }
    if (about != nullptr) {
        out.step = about->step;
        out.slot = about->slot;
        out.candidate = about->candidate_hash;
        out.parent = about->parent_hash;
        if (const Attempt* stored = find_attempt(history_, about->step, about->slot)) {
            out.eval = static_cast<int>(stored - history_.attempts.data());
        }
    }
    return out;
}

void CampaignLoop::emit(const Event& event) const {
    Event stamped = event;
    stamped.utc_ms = context_.clock.utc_ms();
    context_.events.on_event(stamped);
}

CampaignSummary CampaignLoop::summary(const Stop& stop) const {
    CampaignSummary out;
    out.row = row_;
    out.evaluations = row_.evaluations;
    if (const Attempt* best = verified_best_of(history_)) {
        out.best_candidate = best->candidate_hash;
        out.best_speedup = best->result.speedup;
    }
    out.stop_reason = stop.reason;
    out.interrupted = stop.state == "interrupted";
    return out;
}

}  // namespace kw::agent
