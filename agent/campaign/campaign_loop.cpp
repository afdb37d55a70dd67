// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/campaign_loop.hpp"

#include "agent/campaign/promotion.hpp"
#include "agent/observation/observation.hpp"
#include "core/hash.hpp"

#include <algorithm>
#include <utility>

namespace kw::agent {

namespace {

std::string reply_hash(const ReplyRow& row) {
    return Hasher().add(row.prompt_hash).add(row.raw).add(row.model).hex();
}

}  // namespace

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
    KW_TRY_ASSIGN(std::vector<ReplyRow> replies, context_.store.replies(row_.id));
    double seconds = 0;
    row_.spent_usd = 0;
    row_.tokens_in = 0;
    row_.tokens_out = 0;
    for (ReplyRow& reply : replies) {
        row_.spent_usd += reply.usd;
        row_.tokens_in += reply.tokens_in;
        row_.tokens_out += reply.tokens_out;
        seconds += reply.seconds;
        reply.prompt.clear();
        const std::pair<int, int> key{reply.step, reply.slot};
        replies_.emplace(key, std::move(reply));
    }
    KW_TRY_ASSIGN(std::vector<EvaluationRow> rows, context_.store.evaluations(row_.id));
    KW_TRY_ASSIGN(const std::vector<EvaluationRow> judgings, context_.store.judgings(row_.id));
    for (const EvaluationRow& again : judgings) {
        seconds += again.purpose == "promotion" ? again.result.wall_s : 0;
    }
    for (EvaluationRow& row : rows) {
        seconds += row.result.wall_s;
        Attempt attempt;
        attempt.target = row_.target;
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
            KW_TRY_ASSIGN(
                const CandidateRow candidate, context_.store.candidate(row.candidate_hash));
            attempt.source = candidate.source;
            attempt.token_hash = candidate.token_hash;
        }
        append(history_, std::move(attempt));
    }
    row_.evaluations = static_cast<int>(history_.attempts.size());
    elapsed_before_s_ = std::max(stored_.elapsed_s, seconds);
    header_ = prompt_header(task_, row_.device);
    return {};
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

CampaignLoop::Step CampaignLoop::run_wave(const Wave& wave) {
    Wave missing{wave.step, {}};
    for (const Ask& ask : wave.asks) {
        if (find_attempt(history_, wave.step, ask.slot) == nullptr) {
            missing.asks.push_back(ask);
        }
    }
    if (missing.asks.empty()) {
        return std::optional<Stop>{};
    }
    if (auto stop = interrupted()) {
        return stop;
    }
    const History done = before_step(history_, wave.step);
    KW_TRY_ASSIGN(
        const std::vector<ProposeRequest> requests, requests_of(missing, done, wave.asks.size()));
    std::vector<ProposeRequest> to_ask;
    const int room = settings_.budget.max_evals - row_.evaluations;
    for (const ProposeRequest& request : requests) {
        const bool fits = settings_.budget.max_evals == 0 || static_cast<int>(to_ask.size()) < room;
        if (fits && !replies_.contains({request.step, request.slot})) {
            to_ask.push_back(request);
        }
    }
    parts_.proposer.begin_wave(done, to_ask);
    for (const ProposeRequest& request : requests) {
        KW_TRY_ASSIGN(std::optional<Stop> stop, run_slot(request));
        if (stop) {
            return stop;
        }
    }
    return std::optional<Stop>{};
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
                context_.device.arch()};
            KW_TRY_ASSIGN(
                Prompt prompt, build_prompt(parts_.prompts, input, ask, parts_.start.source));
            request.system = std::move(prompt.system);
            request.prompt = std::move(prompt.text);
        }
        requests.push_back(std::move(request));
    }
    return requests;
}

CampaignLoop::Step CampaignLoop::run_slot(const ProposeRequest& request) {
    if (auto stop = interrupted()) {
        return stop;
    }
    const auto stored = replies_.find({request.step, request.slot});
    if (stored != replies_.end()) {
        return judge_reply(request, stored->second);
    }
    std::optional<Stop> stop;
    KW_TRY_ASSIGN(const std::optional<ReplyRow> reply, ask(request, stop));
    if (!reply) {
        return stop;
    }
    return judge_reply(request, *reply);
}

/// Budget, call, storage of the reply. Nothing and `stop` when no call was or may be made.
Result<std::optional<ReplyRow>> CampaignLoop::ask(
    const ProposeRequest& request, std::optional<Stop>& stop) {
    const Reservation worst{
        parts_.proposer.worst_case_usd(request), parts_.proposer.worst_case_tokens(request)};
    if (const auto reason = over_budget(settings_.budget, spend(), worst)) {
        Event limit = event(EventType::budget);
        limit.text = *reason;
        emit(limit);
        stop = Stop{"finished", *reason};
        return std::optional<ReplyRow>{};
    }
    Event asking = event(EventType::proposing);
    asking.step = request.step;
    asking.slot = request.slot;
    asking.parent = request.parent_hash;
    asking.text = "asking " + parts_.proposer.label();
    emit(asking);
    const std::chrono::nanoseconds begin = context_.clock.steady();
    KW_TRY_ASSIGN(Reply answer, parts_.proposer.propose(request, context_.stop.level));
    if (answer.exhausted) {
        stop = Stop{"finished", "search finished"};
        return std::optional<ReplyRow>{};
    }
    ReplyRow row;
    row.campaign_id = row_.id;
    row.step = request.step;
    row.slot = request.slot;
    if (parts_.proposer.wants_prompt()) {
        row.prompt = whole_prompt(request);
        row.prompt_hash = prompt_hash(request);
    }
    row.raw = std::move(answer.text);
    row.model = answer.model;
    row.parent_hash = answer.parent_hash.empty() ? request.parent_hash : answer.parent_hash;
    row.tokens_in = answer.tokens_in;
    row.tokens_out = answer.tokens_out;
    row.usd = answer.usd;
    row.seconds = std::chrono::duration<double>(context_.clock.steady() - begin).count();
    row.hash = reply_hash(row);
    row.created_ms = context_.clock.utc_ms();
    KW_TRY(context_.store.put_reply(row));
    row_.spent_usd += row.usd;
    row_.tokens_in += row.tokens_in;
    row_.tokens_out += row.tokens_out;
    Event proposed = event(EventType::proposed);
    proposed.step = row.step;
    proposed.slot = row.slot;
    proposed.parent = row.parent_hash;
    proposed.seconds = row.seconds;
    proposed.text = answer.remark;
    emit(proposed);
    return std::optional<ReplyRow>(std::move(row));
}

Result<void> CampaignLoop::finish(const Stop& stop) {
    stored_.elapsed_s = elapsed_s();
    row_.settings_json = to_json(stored_);
    row_.state = stop.state;
    row_.stop_reason = stop.reason;
    row_.updated_ms = context_.clock.utc_ms();
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
    return {row_.evaluations, row_.spent_usd, row_.tokens_in + row_.tokens_out, elapsed_s()};
}

double CampaignLoop::elapsed_s() const {
    return elapsed_before_s_ +
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
    out.usd = row_.spent_usd;
    out.tokens_in = row_.tokens_in;
    out.tokens_out = row_.tokens_out;
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
