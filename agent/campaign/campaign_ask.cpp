// SPDX-License-Identifier: Apache-2.0
// The asking half of the loop: from a wave of the strategy to stored replies.
#include "agent/campaign/campaign_loop.hpp"
#include "agent/campaign/wave_calls.hpp"
#include "agent/observation/observation.hpp"

#include <algorithm>
#include <utility>

namespace kw::agent {

namespace {

bool costs_something(const PlannedCall& call) {
    return call.worst.usd != 0 || call.worst.tokens != 0;
}

}  // namespace

CampaignLoop::Step CampaignLoop::run_wave(const Wave& wave) {
    const History done = before_step(history_, wave.step);
    if (advice_->ranks(done, wave)) {
        return run_ranked(wave, done);
    }
    const std::size_t judged =
        wave.keep > 0 ? static_cast<std::size_t>(wave.keep) : wave.asks.size();
    Wave missing{wave.step, {}};
    for (std::size_t i = 0; i < std::min(judged, wave.asks.size()); ++i) {
        if (find_attempt(history_, wave.step, wave.asks[i].slot) == nullptr) {
            missing.asks.push_back(wave.asks[i]);
        }
    }
    if (missing.asks.empty()) {
        return std::optional<Stop>{};
    }
    if (auto stop = interrupted()) {
        return stop;
    }
    KW_TRY_ASSIGN(const std::vector<ProposeRequest> requests, begin_wave(missing, wave, done));
    return with_calls([&](WaveCalls* calls) { return run_slots(requests, calls); });
}

/// The requests of the asks that are still open, once the parents of the whole wave are criticised.
Result<std::vector<ProposeRequest>> CampaignLoop::begin_wave(
    const Wave& open, const Wave& wave, const History& done) {
    if (!over_budget(settings_.budget, spend(), judging())) {  // else no prompt will be asked
        KW_TRY(advice_->consult(done, wave));
        not_charged_s_ += advice_->take_queued_s();
    }
    KW_TRY_ASSIGN(std::vector<ProposeRequest> requests, requests_of(open, done, wave.asks.size()));
    parts_.proposer.learn(outcomes_before(wave.step));
    parts_.proposer.begin_wave(done, startable(requests, nullptr));
    return requests;
}

/// Runs `body` with calls in flight when the proposer can; what is being paid for is stored.
CampaignLoop::Step CampaignLoop::with_calls(const std::function<Step(WaveCalls*)>& body) {
    std::optional<WaveCalls> calls;
    if (parts_.proposer.concurrent() != nullptr) {
        calls.emplace(parts_.proposer, *ledger_, context_.clock, row_.id);
    }
    const Step end = body(calls ? &*calls : nullptr);
    if (calls && (!end || end.value())) {
        calls->finish(context_.stop.level);
    }
    return end;
}

CampaignLoop::Step CampaignLoop::run_slots(
    const std::vector<ProposeRequest>& requests, WaveCalls* calls) {
    for (std::size_t i = 0; i < requests.size(); ++i) {
        if (calls != nullptr) {
            KW_TRY(start_calls(
                startable(
                    {requests.begin() + static_cast<std::ptrdiff_t>(i), requests.end()}, calls),
                *calls));
        }
        KW_TRY_ASSIGN(std::optional<Stop> stop, run_slot(requests[i], calls));
        if (stop) {
            return stop;
        }
    }
    return std::optional<Stop>{};
}

/// Of the wave's requests still to be judged those that may be asked now: each one, stored and
/// flying ones too, will be judged, so it takes its share of the evaluations and of device time.
std::vector<ProposeRequest> CampaignLoop::startable(
    const std::vector<ProposeRequest>& requests, const WaveCalls* calls) const {
    std::vector<ProposeRequest> out;
    Spend after = spend();
    for (const ProposeRequest& request : requests) {
        if (over_budget(settings_.budget, after, judging())) {
            break;
        }
        after.evaluations += 1;
        after.device_seconds += judging().device_seconds;
        const bool there = replies_.contains({request.step, request.slot}) ||
                           (calls != nullptr && calls->has(request));
        if (!there) {
            out.push_back(request);
        }
    }
    return out;
}

Result<void> CampaignLoop::start_calls(
    const std::vector<ProposeRequest>& wanted, WaveCalls& calls) {
    if (wanted.empty()) {
        return {};
    }
    KW_TRY(calls.start(wanted));
    for (const ProposeRequest& request : wanted) {
        if (calls.has(request)) {
            tell_asking(request);
        }
    }
    return {};
}

void CampaignLoop::tell_asking(const ProposeRequest& request) const {
    Event asking = event(EventType::proposing);
    asking.step = request.step;
    asking.slot = request.slot;
    asking.parent = request.parent_hash;
    asking.text = "asking " + parts_.proposer.label_of(request);
    emit(asking);
}

Result<std::vector<ProposeRequest>> CampaignLoop::requests_of(
    const Wave& wave, const History& done, std::size_t width) {
    std::vector<ProposeRequest> requests;
    for (const Ask& ask : wave.asks) {
        ProposeRequest request;
        request.campaign = row_.name;
        request.step = wave.step;
        request.slot = ask.slot;
        request.parent_hash = ask.parent_hash;
        request.parent_source = source_of(ask.parent_hash);
        if (parts_.proposer.wants_prompt()) {
            const ObservationInput input{
                task_,
                done,
                header_,
                context_.machine_facts.empty() ? context_.device.description()
                                               : context_.machine_facts,
                settings_.isa,
                settings_.hint,
                wave.step,
                static_cast<int>(width),
                row_.device,
                context_.device.arch(),
                advice_->sections(),
                advice_->advice()};
            KW_TRY_ASSIGN(
                Prompt prompt, build_prompt(parts_.prompts, input, ask, parts_.start.source));
            request.system = std::move(prompt.system);
            request.prompt = std::move(prompt.text);
        }
        requests.push_back(std::move(request));
    }
    return requests;
}

CampaignLoop::Step CampaignLoop::run_slot(const ProposeRequest& request, WaveCalls* calls) {
    if (auto stop = interrupted()) {
        return stop;
    }
    std::optional<Stop> stop;
    KW_TRY_ASSIGN(const std::optional<ReplyRow> reply, reply_to(request, calls, stop));
    return reply ? judge_within_budget(request, *reply) : Step(stop);
}

/// The stored reply, else that of a call.
Result<std::optional<ReplyRow>> CampaignLoop::reply_to(
    const ProposeRequest& request, WaveCalls* calls, std::optional<Stop>& stop) {
    const auto stored = replies_.find({request.step, request.slot});
    if (stored != replies_.end()) {
        return std::optional<ReplyRow>(stored->second);
    }
    return calls != nullptr ? await(request, *calls, stop) : ask(request, stop);
}

CampaignLoop::Stop CampaignLoop::limit_met(const std::string& reason) const {
    Event limit = event(EventType::budget);
    limit.text = reason;
    emit(limit);
    return {"finished", reason};
}

/// Money and tokens of this reply are spent; the rest of the budget must still have room.
CampaignLoop::Step CampaignLoop::judge_within_budget(
    const ProposeRequest& request, const ReplyRow& reply) {
    Budget limits = settings_.budget;
    limits.max_usd = 0;
    limits.max_tokens = 0;
    if (const auto reason = over_budget(limits, spend(), judging())) {
        return std::optional<Stop>(limit_met(*reason));
    }
    return judge_reply(request, reply);
}

/// The reply of a call that was started, or the limit that kept it from being so.
Result<std::optional<ReplyRow>> CampaignLoop::await(
    const ProposeRequest& request, WaveCalls& calls, std::optional<Stop>& stop) {
    if (!calls.has(request)) {
        Reservation worst = planned_call(parts_.proposer, request, k_proposal).worst;
        worst.device_seconds = judging().device_seconds;
        const auto reason = over_budget(settings_.budget, spend(), worst);
        KW_CHECK(reason.has_value());  // start_calls() refused it, and nothing was freed since
        stop = limit_met(*reason);
        return std::optional<ReplyRow>{};
    }
    KW_TRY_ASSIGN(WaveCalls::Arrival arrival, calls.wait(request, context_.stop.level));
    not_charged_s_ += arrival.queued_s;
    if (arrival.refused) {
        stop = limit_met(*arrival.refused);
        return std::optional<ReplyRow>{};
    }
    tell_proposed(arrival.row, arrival.remark);
    return std::optional<ReplyRow>(std::move(arrival.row));
}

/// The same for a proposer that answers in turn: budget, call, storage of the reply.
Result<std::optional<ReplyRow>> CampaignLoop::ask(
    const ProposeRequest& request, std::optional<Stop>& stop) {
    PlannedCall plan = planned_call(parts_.proposer, request, k_proposal);
    plan.worst.device_seconds = judging().device_seconds;
    if (const auto reason = over_budget(settings_.budget, spend(), plan.worst)) {
        stop = limit_met(*reason);
        return std::optional<ReplyRow>{};
    }
    std::int64_t call = 0;
    if (costs_something(plan)) {
        KW_TRY_ASSIGN(const Ledger::Reserved reserved, ledger_->reserve({plan}));
        KW_CHECK(reserved.ids.size() == 1);
        call = reserved.ids.front();
    }
    tell_asking(request);
    const std::chrono::nanoseconds begin = context_.clock.steady();
    Result<Reply> answer = parts_.proposer.propose(request, context_.stop.level);
    if (!answer || answer->exhausted) {
        if (call != 0) {
            KW_TRY(answer ? ledger_->release(call) : ledger_->lose(call));
        }
        if (!answer) {
            return std::move(answer).error();
        }
        stop = Stop{"finished", "search finished"};
        return std::optional<ReplyRow>{};
    }
    const double seconds = std::chrono::duration<double>(context_.clock.steady() - begin).count();
    const std::string remark = answer->remark;
    const CallCost cost{answer->tokens_in, answer->tokens_cached, answer->tokens_out, answer->usd};
    ReplyRow row = reply_row(
        row_.id, parts_.proposer, request, std::move(*answer), seconds, context_.clock.utc_ms());
    KW_TRY(call != 0 ? ledger_->settle(call, cost, &row) : context_.store.put_reply(row));
    tell_proposed(row, remark);
    return std::optional<ReplyRow>(std::move(row));
}

void CampaignLoop::tell_proposed(const ReplyRow& row, const std::string& remark) {
    outcomes_.push_back({row.model, row.step, row.slot, 0, 0, row.usd});
    Event proposed = event(EventType::proposed);
    proposed.step = row.step;
    proposed.slot = row.slot;
    proposed.parent = row.parent_hash;
    proposed.seconds = row.seconds;
    proposed.text = remark;
    emit(proposed);
}

/// In the order of steps and slots: what a resumed campaign reads is what this one heard.
std::vector<ReplyOutcome> CampaignLoop::outcomes_before(int step) const {
    std::vector<ReplyOutcome> out;
    for (ReplyOutcome one : outcomes_) {
        const Attempt* attempt = find_attempt(history_, one.step, one.slot);
        if (one.step >= step || attempt == nullptr) {
            continue;
        }
        const Attempt* parent = find_attempt(history_, attempt->parent_hash);
        one.reward = attempt->reward;
        one.parent_reward = parent == nullptr ? 0 : parent->reward;
        out.push_back(std::move(one));
    }
    std::ranges::sort(
        out, {}, [](const ReplyOutcome& one) { return std::pair(one.step, one.slot); });
    return out;
}

}  // namespace kw::agent
