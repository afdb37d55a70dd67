// SPDX-License-Identifier: Apache-2.0
#include "server/work/dispatch.hpp"

#include "core/log.hpp"
#include "server/wire/json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace kw::server {

namespace {

/// A wait is interrupted so often: leases that expire wake nobody.
constexpr std::chrono::milliseconds k_look_again{5'000};

}  // namespace

Dispatch::Dispatch(db::Store& store, db::Queue& queue, Wakeups& wakeups)
    : store_(&store)
    , queue_(&queue)
    , wakeups_(&wakeups) {}

Result<std::optional<Lease>> Dispatch::lease_of(const JobRow& job) {
    KW_TRY_ASSIGN(const CandidateRow row, store_->candidate(job.candidate_hash));
    Lease lease;
    lease.id = job.lease_id;
    lease.job_id = job.id;
    lease.stage = job.stage;
    lease.task = job.task;
    lease.task_hash = job.task_hash;
    lease.device = job.device;
    lease.seed = job.seed;
    lease.lease_ms = queue_->settings().lease_ms;
    lease.candidate = make_candidate(job.task, row.source, job.isa, job.target, job.arch);
    KW_TRY_ASSIGN(const nlohmann::json options, parse_json(job.options));
    KW_TRY_ASSIGN(lease.options, read_job_options(options, JobLimits{}));
    lease.options.independent = lease.options.independent || job.reproduces != 0;
    return std::optional<Lease>(std::move(lease));
}

Result<std::optional<Lease>> Dispatch::claim_now(const db::Claim& claim) {
    KW_TRY_ASSIGN(const std::optional<JobRow> job, queue_->claim(claim));
    if (!job) {
        return std::optional<Lease>();
    }
    wakeups_->wake(topic_of_job(job->id));
    auto lease = lease_of(*job);
    if (!lease) {  // ours, not the candidate's: somebody else may fare better
        log::warn("queue: job " + std::to_string(job->id) + ": " + lease.error().what);
        db::JobOutcome outage;
        outage.error = lease.error().what;
        KW_TRY(finish_job(job->lease_id, outage));
        return std::optional<Lease>();
    }
    return lease;
}

Result<std::optional<Lease>> Dispatch::claim(
    const db::Claim& claim, std::chrono::milliseconds wait) {
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + wait;
    while (!interrupted_) {
        const std::uint64_t seen = wakeups_->queue_version();
        KW_TRY_ASSIGN(std::optional<Lease> lease, claim_now(claim));
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now());
        if (lease || left.count() <= 0) {
            return lease;
        }
        if (!interrupted_) {
            wakeups_->wait_for_queue(seen, std::min(left, k_look_again));
        }
    }
    return std::optional<Lease>();
}

void Dispatch::interrupt() {
    interrupted_ = true;
    wakeups_->wake(k_topic_queue);
}

Result<bool> Dispatch::heartbeat(const std::string& lease_id) {
    KW_TRY_ASSIGN(const auto until, queue_->heartbeat(lease_id));
    return until.has_value();
}

Result<db::Finished> Dispatch::finish_job(
    const std::string& lease_id, const db::JobOutcome& outcome) {
    KW_TRY_ASSIGN(const db::Finished finished, queue_->finish(lease_id, outcome));
    using What = db::Finished::What;
    if (finished.what != What::lost && finished.what != What::repeated) {
        wakeups_->wake(topic_of_job(finished.job_id));
    }
    if (finished.what == What::passed || finished.what == What::requeued ||
        finished.reproduction != 0) {
        wakeups_->wake(k_topic_queue);
    }
    return finished;
}

Result<db::Finished::What> Dispatch::finish(
    const std::string& lease_id, const db::JobOutcome& outcome) {
    KW_TRY_ASSIGN(const db::Finished finished, finish_job(lease_id, outcome));
    return finished.what;
}

Result<bool> Dispatch::give_back_job(const std::string& lease_id) {
    KW_TRY_ASSIGN(const bool held, queue_->give_back(lease_id));
    if (held) {
        wakeups_->wake(k_topic_queue);
    }
    return held;
}

Result<void> Dispatch::give_back(const std::string& lease_id) {
    KW_TRY(give_back_job(lease_id));
    return {};
}

void Dispatch::submitted() {
    wakeups_->wake(k_topic_queue);
}

void Dispatch::cancelled(std::int64_t job_id) {
    wakeups_->wake(topic_of_job(job_id));
}

}  // namespace kw::server
