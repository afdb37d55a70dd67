// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign_loop.hpp"

#include "agent/observation.hpp"
#include "agent/reply_parser.hpp"
#include "agent/text.hpp"
#include "core/hash.hpp"
#include "evaluator/device/cpu/build.hpp"

#include <algorithm>
#include <utility>

namespace kw::agent {

namespace {

/// So many failures of ours in a row mean that the world is broken, not the candidates.
constexpr int k_max_own_failures = 3;

/// Thrown through Device::judge() by the observer when the user asks a second time to stop.
struct Abandoned {};

Evaluation unjudged(Verdict verdict, std::string summary) {
    Evaluation result;
    result.verdict = verdict;
    result.summary = std::move(summary);
    return result;
}

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
    for (EvaluationRow& row : rows) {
        seconds += row.result.wall_s;
        Attempt attempt;
        attempt.step = row.step;
        attempt.slot = row.slot;
        attempt.candidate_hash = row.candidate_hash;
        attempt.parent_hash = row.parent_hash;
        attempt.note = row.note;
        attempt.result = std::move(row.result);
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
    header_ = cpu::task_header(task_);
    return {};
}

Result<CampaignLoop::Stop> CampaignLoop::go() {
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

CampaignLoop::Step CampaignLoop::judge_start() {
    if (parts_.start.source.empty() || find_attempt(history_, 0, 0) != nullptr) {
        return std::optional<Stop>{};
    }
    if (auto stop = interrupted()) {
        return stop;
    }
    if (const auto reason = over_budget(settings_.budget, spend(), {})) {
        return std::optional<Stop>(Stop{"finished", *reason});
    }
    EvaluationRow row;
    row.campaign_id = row_.id;
    row.note = parts_.start.origin == "seed" ? "the task's seed" : "the naive baseline";
    return judge_candidate(
        std::move(row),
        make_candidate(task_.name, parts_.start.source, settings_.isa),
        parts_.start.origin);
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
                static_cast<int>(width)};
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

CampaignLoop::Step CampaignLoop::judge_reply(const ProposeRequest& request, const ReplyRow& reply) {
    EvaluationRow row;
    row.campaign_id = row_.id;
    row.step = request.step;
    row.slot = request.slot;
    row.parent_hash = reply.parent_hash;
    row.reply_hash = reply.hash;
    ParsedReply parsed = parse_reply(reply.raw, task_.name, source_of(reply.parent_hash));
    row.note = parsed.note;
    if (parsed.problem.empty()) {
        const Candidate candidate = make_candidate(task_.name, parsed.source, settings_.isa);
        if (candidate.task == task_.name && candidate.target == row_.target) {
            return judge_candidate(
                std::move(row), candidate, reply.model == "tune" ? "tune" : "reply");
        }
        parsed.problem =
            "its //!kwright line names another task or target: " + one_line(candidate.task, 40) +
            ", " + one_line(candidate.target, 20);
    }
    row.result = unjudged(Verdict::no_reply, parsed.problem);
    Attempt attempt;
    KW_TRY(store(std::move(row), std::move(attempt)));
    return std::optional<Stop>{};
}

CampaignLoop::Step CampaignLoop::judge_candidate(
    EvaluationRow row, const Candidate& candidate, const std::string& origin) {
    Attempt attempt;
    attempt.source = candidate.source;
    attempt.token_hash = token_hash(candidate.source);
    row.candidate_hash = candidate.hash;
    CandidateRow stored;
    stored.hash = candidate.hash;
    stored.task = candidate.task;
    stored.target = candidate.target;
    stored.isa = candidate.isa;
    stored.source = candidate.source;
    stored.token_hash = attempt.token_hash;
    stored.origin = origin;
    stored.created_ms = context_.clock.utc_ms();
    KW_TRY(context_.store.put_candidate(stored));
    if (const Attempt* twin = find_tokens(history_, attempt.token_hash)) {
        row.result = unjudged(
            Verdict::duplicate,
            "the same code as " + short_id('k', twin->candidate_hash) + " of step " +
                std::to_string(twin->step) + " slot " + std::to_string(twin->slot) + " (" +
                std::string(code(twin->result.verdict)) + ")");
    } else {
        KW_TRY_ASSIGN(row.result, call_judge(row, candidate));
    }
    own_failures_ = row.result.verdict == Verdict::internal ? own_failures_ + 1 : 0;
    const std::string last_failure = row.result.summary;
    KW_TRY(store(std::move(row), std::move(attempt)));
    if (own_failures_ >= k_max_own_failures) {
        return Error{
            Errc::environment,
            "judging failed on our side " + std::to_string(own_failures_) +
                " times in a row: " + last_failure,
            "see kwright doctor; then: kwright resume " + row_.name};
    }
    return std::optional<Stop>{};
}

Result<Evaluation> CampaignLoop::call_judge(const EvaluationRow& row, const Candidate& candidate) {
    JudgeOptions options;
    options.cap_s = settings_.judge_cap_s;
    const auto observer = [&](const std::string& stage, const std::string& text) {
        Event now = event(stage == "retry" ? EventType::retry : EventType::stage, &row);
        now.text = text.empty() ? stage : text;
        emit(now);
        if (context_.stop.level.load() >= 2) {
            throw Abandoned{};
        }
    };
    try {
        return judge(context_.device, task_, candidate, options, observer);
    } catch (const Abandoned&) {
        return Error{
            Errc::interrupted, "judging " + short_id('k', candidate.hash) + ": abandoned", ""};
    }
}

/// The evaluation and the campaign's counters, in one transaction; then the events.
Result<void> CampaignLoop::store(EvaluationRow row, Attempt attempt) {
    attempt.step = row.step;
    attempt.slot = row.slot;
    attempt.candidate_hash = row.candidate_hash;
    attempt.parent_hash = row.parent_hash;
    attempt.note = row.note;
    attempt.result = row.result;
    append(history_, std::move(attempt));
    const Attempt& appended = history_.attempts.back();
    row.reward = appended.reward;
    row.best_discounted = appended.best_discounted;
    row.new_best = appended.new_best;
    row.created_ms = context_.clock.utc_ms();
    row_.evaluations = static_cast<int>(history_.attempts.size());
    row_.updated_ms = row.created_ms;
    stored_.elapsed_s = elapsed_s();
    row_.settings_json = to_json(stored_);
    KW_TRY(context_.store.put_evaluation(row, row_));
    tell_judged(row);
    return {};
}

void CampaignLoop::tell_judged(const EvaluationRow& row) {
    Event judged = event(EventType::judged, &row);
    judged.verdict = row.result.verdict;
    judged.seconds = row.result.wall_s;
    if (row.result.verdict == Verdict::accepted) {
        judged.speedup = row.result.speedup;
    }
    judged.text = row.result.summary;
    emit(judged);
    if (row.new_best) {
        Event best = judged;
        best.type = EventType::best;
        best.text = row.note;
        emit(best);
    }
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
    if (const Attempt* best = best_of(history_)) {
        out.best_speedup = best->result.speedup;
    }
    if (about != nullptr) {
        out.step = about->step;
        out.slot = about->slot;
        out.candidate = about->candidate_hash;
        out.parent = about->parent_hash;
        const bool stored = find_attempt(history_, about->step, about->slot) != nullptr;
        out.eval -= stored ? 1 : 0;  // the ordinal of the evaluation it is about
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
    if (const Attempt* best = best_of(history_)) {
        out.best_candidate = best->candidate_hash;
        out.best_speedup = best->result.speedup;
    }
    out.stop_reason = stop.reason;
    out.interrupted = stop.state == "interrupted";
    return out;
}

}  // namespace kw::agent
