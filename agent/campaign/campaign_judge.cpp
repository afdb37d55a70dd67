// SPDX-License-Identifier: Apache-2.0
// The judging half of the loop: from a reply or the start source to a stored evaluation.
#include "agent/campaign/campaign_loop.hpp"
#include "agent/campaign/drain.hpp"
#include "agent/replies/reply_parser.hpp"
#include "agent/text.hpp"
#include "core/hash.hpp"

#include <algorithm>
#include <cmath>
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

}  // namespace

CampaignLoop::Step CampaignLoop::judge_start() {
    if (parts_.start.source.empty() || find_attempt(history_, 0, 0) != nullptr) {
        return std::optional<Stop>{};
    }
    if (auto stop = interrupted()) {
        return stop;
    }
    if (const auto reason = over_budget(settings_.budget, spend(), judging())) {
        return std::optional<Stop>(limit_met(*reason));
    }
    EvaluationRow row;
    row.campaign_id = row_.id;
    row.task_hash = row_.task_hash;
    row.note = parts_.start.origin == "seed" ? "the task's seed" : "the naive baseline";
    const std::string what = row.note;
    KW_TRY_ASSIGN(
        const std::optional<Stop> stop,
        judge_candidate(std::move(row), candidate_of(parts_.start.source), parts_.start.origin));
    const Evaluation& result = history_.attempts.back().result;
    if (result.verdict != Verdict::accepted) {
        Event warning = event(EventType::warning);
        warning.text = what + " was not accepted (" + std::string(code(result.verdict)) +
                       "): the search begins from a source that does not hold here";
        emit(warning);
    }
    return stop;
}

CampaignLoop::Step CampaignLoop::judge_reply(const ProposeRequest& request, const ReplyRow& reply) {
    EvaluationRow row;
    row.campaign_id = row_.id;
    row.task_hash = row_.task_hash;
    row.step = request.step;
    row.slot = request.slot;
    row.parent_hash = reply.parent_hash;
    row.reply_hash = reply.hash;
    ParsedReply parsed =
        parse_reply(reply.raw, task_.name, source_of(reply.parent_hash), row_.target);
    row.note = parsed.note;
    if (parsed.problem.empty()) {
        const Candidate candidate = candidate_of(parsed.source);
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

Candidate CampaignLoop::candidate_of(const std::string& source) const {
    return make_candidate(task_.name, source, settings_.isa, row_.target, context_.device.arch());
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
    stored.isa = code_level(candidate);
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
    } else if (const auto problem = disagreement(candidate, row_.target, context_.device.arch())) {
        row.result = unjudged(Verdict::forbidden, *problem);
    } else {
        KW_TRY_ASSIGN(row.result, call_judge(row, candidate));
    }
    KW_TRY(store(std::move(row), std::move(attempt)));
    KW_TRY(too_many_own_failures(history_.attempts.back().result));
    KW_TRY(verify_best(false));
    return std::optional<Stop>{};
}

Result<void> CampaignLoop::too_many_own_failures(const Evaluation& last) {
    own_failures_ = last.verdict == Verdict::internal ? own_failures_ + 1 : 0;
    if (own_failures_ < k_max_own_failures) {
        return {};
    }
    return Error{
        Errc::environment,
        "judging failed on our side " + std::to_string(own_failures_) +
            " times in a row: " + last.summary,
        "see kwright doctor; then: kwright resume " + row_.name};
}

Result<Evaluation> CampaignLoop::call_judge(
    const EvaluationRow& row, const Candidate& candidate, bool independent) {
    JudgeOptions options;
    options.cap_s = settings_.judge_cap_s;
    options.max_pairs = settings_.max_pairs;
    options.independent = independent;
    options.request = row_.name + "/" + std::to_string(row_.created_ms) + "/" +
                      std::to_string(row.step) + "/" + std::to_string(row.slot) +
                      (independent ? "/promotion" : "");
    const auto observer = [&](const std::string& stage, const std::string& text) {
        Event now = event(stage == "retry" ? EventType::retry : EventType::stage, &row);
        now.text = (independent ? "again, " : "") + stage + (text.empty() ? "" : ": " + text);
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
    attempt.target = row_.target;
    attempt.step = row.step;
    attempt.slot = row.slot;
    attempt.candidate_hash = row.candidate_hash;
    attempt.parent_hash = row.parent_hash;
    attempt.note = row.note;
    attempt.result = row.result;
    append(history_, std::move(attempt));
    Attempt& appended = history_.attempts.back();
    row.reward = appended.reward;
    row.best_discounted = appended.best_discounted;
    // What was chosen for its time stays off the board until it was judged a second time.
    row.state = appended.new_best && row.step > 0 ? "unverified" : "judged";
    if (context_.device.waits() && row.result.verdict == Verdict::accepted) {
        row.state = k_waiting;
    }
    row.created_ms = context_.clock.utc_ms();
    row_.evaluations = static_cast<int>(history_.attempts.size());
    count_time(row.result);
    note_progress(row.created_ms);
    KW_TRY_ASSIGN(appended.evaluation_id, context_.store.put_evaluation(row, row_));
    tell_judged(row);
    return {};
}

void CampaignLoop::count_time(const Evaluation& result) {
    const double seconds = device_seconds(result);
    device_s_ += seconds;
    if (std::isfinite(result.wall_s)) {
        not_charged_s_ += std::max(0.0, result.wall_s - seconds);
    }
}

/// For the campaign's row, before it is stored with what was judged.
void CampaignLoop::note_progress(std::int64_t utc_ms) {
    note_spend();
    row_.updated_ms = utc_ms;
    stored_.elapsed_s = elapsed_s();
    row_.settings_json = to_json(stored_);
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
}

}  // namespace kw::agent
