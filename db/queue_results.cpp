// SPDX-License-Identifier: Apache-2.0
// How jobs end. A result of a worker that is not trusted, and one that would be the best, is
// unverified until a trusted worker has judged the kernel again.
#include "db/board_upkeep.hpp"
#include "db/queue_impl.hpp"

#include <algorithm>

namespace kw::db {

namespace {

/// Slack of a repeated measurement on the same device before the first one counts as untrue.
constexpr double k_untrue = 1.05;
constexpr std::size_t k_shown_hash = 12;

EvaluationRow row_of(const JobRow& job, const JobOutcome& outcome, std::int64_t now) {
    EvaluationRow row;
    row.campaign_id = job.campaign_id;
    row.step = 0;
    row.slot = static_cast<int>(job.id);
    row.candidate_hash = job.candidate_hash;
    row.note = "by worker " + job.worker;
    if (!outcome.evaluator_hash.empty()) {
        row.note += ", evaluator " + outcome.evaluator_hash.substr(0, k_shown_hash);
    }
    row.result = outcome.result;
    row.reward = row.result.verdict == Verdict::accepted ? row.result.speedup.value : 0;
    row.created_ms = now;
    row.task_hash = job.task_hash;
    row.purpose = job.purpose;
    row.reproduces = job.reproduces;
    return row;
}

Result<bool> would_be_best(Connection& connection, const EvaluationRow& row) {
    if (row.result.verdict != Verdict::accepted || row.result.shapes.empty()) {
        return false;
    }
    Statement query(
        connection,
        k_ending_job,
        "SELECT 1 FROM evaluation WHERE verdict = 'AC' AND state = 'judged' AND campaign_id = ? "
        "AND speedup_lo >= ? AND task_hash = ? AND device = ? LIMIT 1");
    query.bind_all(
        row.campaign_id,
        row.result.speedup.lo,
        std::string_view(row.task_hash),
        std::string_view(row.result.device));
    KW_TRY_ASSIGN(const bool better, query.step());
    return !better;
}

struct First {
    Verdict verdict = Verdict::internal;
    double speedup_lo = 0;
    std::string device;
    int step = 0;
    int slot = 0;
};

Result<First> first_judging(Connection& connection, std::int64_t id) {
    Statement query(
        connection,
        k_ending_job,
        "SELECT verdict, speedup_lo, device, step, slot FROM evaluation WHERE id = ?");
    query.bind_all(id);
    KW_TRY_ASSIGN(const bool found, query.step());
    const auto verdict = found ? verdict_from_code(query.text(0)) : std::nullopt;
    if (!verdict) {
        return connection.damaged(
            k_ending_job, "evaluation " + std::to_string(id) + " is not there to be reproduced");
    }
    return First{
        *verdict,
        query.real(1),
        query.text(2),
        static_cast<int>(query.integer(3)),
        static_cast<int>(query.integer(4))};
}

/// In words, or nothing: the second judging bears the first one out as far as it can.
std::string contradiction(const First& first, const Evaluation& second) {
    const bool was = first.verdict == Verdict::accepted;
    const bool is = second.verdict == Verdict::accepted;
    if (was != is) {
        return "reported " + std::string(name(first.verdict)) + ", a trusted worker found " +
               std::string(name(second.verdict));
    }
    const bool timed = was && !second.shapes.empty() && first.device == second.device;
    if (timed && first.speedup_lo > second.speedup.hi * k_untrue) {
        return "reported a speed-up of at least " + std::to_string(first.speedup_lo) +
               ", a trusted worker found at most " + std::to_string(second.speedup.hi);
    }
    return "";
}

Result<void> set_state(Connection& connection, std::int64_t id, std::string_view state) {
    Statement update(
        connection,
        k_ending_job,
        "UPDATE evaluation SET state = ? WHERE id = ? AND state = 'unverified'");
    update.bind_all(state, id);
    KW_TRY(update.run());
    return settle_board(connection, k_ending_job, id);
}

Result<void> add_finding(Connection& connection, std::int64_t id, const std::string& evidence) {
    Statement insert(
        connection,
        k_ending_job,
        "INSERT INTO finding (evaluation_id, ordinal, rule, severity, phase, evidence) "
        "SELECT ?1, coalesce(max(ordinal) + 1, 0), 'not-reproduced', 'violation', 'time', ?2 "
        "FROM finding WHERE evaluation_id = ?1");
    insert.bind_all(id, std::string_view(evidence));
    return insert.run();
}

/// What the trusted judging means for the one it repeats.
Result<void> settle_first(Connection& connection, const First& first, const EvaluationRow& second) {
    if (second.purpose != "reverify") {
        return {};  // a promotion's first judging stays unverified: the second one is what counts
    }
    const std::string untrue = contradiction(first, second.result);
    if (untrue.empty()) {
        return first.device == second.result.device
                   ? set_state(connection, second.reproduces, "judged")
                   : Result<void>();  // right, but nobody trusted has its device
    }
    KW_TRY(set_state(connection, second.reproduces, "revoked"));
    return add_finding(connection, second.reproduces, untrue);
}

Result<void> count_evaluation(Connection& connection, const JobRow& job, std::int64_t now) {
    Statement update(
        connection,
        k_ending_job,
        "UPDATE campaign SET evaluations = evaluations + 1, updated_ms = ? WHERE id = ?");
    update.bind_all(now, job.campaign_id);
    return update.run();
}

JobRow repetition(const JobRow& job, std::int64_t evaluation_id) {
    JobRow again = job;
    again.seed.clear();
    again.purpose = job.trusted ? "promotion" : "reverify";
    again.reproduces = evaluation_id;
    again.idempotency_key.clear();
    again.request_hash.clear();
    again.stage = "time";
    again.attempts = 0;
    again.lease_id.clear();
    again.worker.clear();
    again.trusted = false;
    again.lease_until_ms = again.started_ms = again.ended_ms = 0;
    again.evaluation_id = 0;
    again.error.clear();
    return again;
}

}  // namespace

Result<Finished> Queue::end_outage(Connection& connection, JobRow& job, const std::string& error) {
    job.error = "our outage: " + error;
    job.lease_until_ms = 0;
    Finished finished{Finished::What::requeued, job.id, 0, "", 0};
    if (job.attempts >= settings_.max_attempts) {
        job.state = "failed";
        job.ended_ms = clock_->utc_ms();
        finished.what = Finished::What::failed;
    } else {
        job.state = "queued";
        job.lease_id.clear();
        recount(job, 1);
    }
    KW_TRY(write_job(connection, job));
    return finished;
}

Result<Finished> Queue::pass_on(Connection& connection, JobRow& job) {
    job.stage = "time";
    job.state = "queued";
    job.attempts = 0;
    job.lease_id.clear();
    job.lease_until_ms = 0;
    KW_TRY(write_job(connection, job));
    recount(job, 1);
    return Finished{Finished::What::passed, job.id, 0, "", 0};
}

Result<Finished> Queue::store_result(
    Connection& connection, JobRow& job, const JobOutcome& outcome) {
    const std::int64_t now = clock_->utc_ms();
    EvaluationRow row = row_of(job, outcome, now);
    bool repeat = false;
    std::int64_t id = 0;
    if (job.reproduces == 0) {
        KW_TRY_ASSIGN(const bool best, would_be_best(connection, row));
        repeat = !job.trusted || (best && job.promote);
        row.state = !job.trusted || best ? "unverified" : "judged";
        KW_TRY_ASSIGN(id, write_evaluation(connection, row));
        KW_TRY(count_evaluation(connection, job, now));
    } else {
        KW_TRY_ASSIGN(const First first, first_judging(connection, job.reproduces));
        row.step = first.step;
        row.slot = first.slot;
        KW_TRY_ASSIGN(id, write_evaluation(connection, row));
        KW_TRY(settle_first(connection, first, row));
    }
    KW_CHECK_NOTE(id != 0, "the evaluation of a leased job was there before");
    job.state = "done";
    job.ended_ms = now;
    job.evaluation_id = id;
    job.error.clear();
    KW_TRY(write_job(connection, job));
    KW_TRY(credit(connection, job.worker, "done"));
    Finished finished{Finished::What::stored, job.id, id, row.state, 0};
    if (repeat) {
        KW_TRY_ASSIGN(finished.reproduction, insert(connection, repetition(job, id)));
    }
    return finished;
}

Result<Finished> Queue::finish(const std::string& lease_id, const JobOutcome& outcome) {
    const std::lock_guard guard(store_->impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, store_->impl_->writer(k_ending_job));
    KW_TRY(load_counts(*connection));
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(*connection, k_ending_job, Transaction::Kind::write));
    counted_->loaded = false;  // until the commit
    KW_TRY_ASSIGN(std::optional<JobRow> job, job_of_lease(*connection, lease_id));
    Finished finished;
    if (job && (job->state == "done" || job->state == "failed")) {
        finished = {Finished::What::repeated, job->id, job->evaluation_id, "", 0};
    } else if (job && job->state == "leased") {
        const bool ours =
            outcome.kind == JobOutcome::Kind::judged && outcome.result.verdict == Verdict::internal;
        if (outcome.kind == JobOutcome::Kind::passed && job->stage == "build") {
            KW_TRY_ASSIGN(finished, pass_on(*connection, *job));
        } else if (outcome.kind == JobOutcome::Kind::judged && !ours) {
            KW_TRY_ASSIGN(finished, store_result(*connection, *job, outcome));
        } else {
            const std::string error = ours ? outcome.result.summary : outcome.error;
            KW_TRY_ASSIGN(
                finished, end_outage(*connection, *job, error.empty() ? "no reason" : error));
        }
    }
    KW_TRY(transaction.commit());
    counted_->loaded = true;
    return finished;
}

}  // namespace kw::db
