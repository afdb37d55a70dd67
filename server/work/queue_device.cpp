// SPDX-License-Identifier: Apache-2.0
#include "server/work/queue_device.hpp"

#include "core/csprng.hpp"
#include "server/work/job_maker.hpp"

namespace kw::server {

namespace {

constexpr std::chrono::milliseconds k_look{1'000};  ///< a wake may be missed

JobOptions options_of(const JudgeOptions& options) {
    JobOptions wish;
    wish.timed = options.timed;
    wish.hot = options.hot;
    wish.independent = options.independent;
    wish.promote = false;  // the campaign promotes by itself
    wish.max_pairs = options.max_pairs;
    wish.cap_s = options.cap_s;
    return wish;
}

}  // namespace

QueueDevice::QueueDevice(
    std::string id, std::string campaign_prefix, std::int64_t token_id, QueueDeviceParts parts)
    : id_(std::move(id))
    , prefix_(std::move(campaign_prefix))
    , token_id_(token_id)
    , parts_(parts) {}

std::string QueueDevice::description() const {
    return id_ + ", as the service has it";
}

Result<Evaluation> QueueDevice::result_of(const JobRow& job) {
    if (job.state == "failed") {
        return Error{Errc::environment, job.error, ""};
    }
    KW_TRY_ASSIGN(auto row, parts_.store.evaluation(job.evaluation_id));
    if (!row) {
        return Error{Errc::environment, "the job was withdrawn", ""};
    }
    return std::move(row->result);
}

Result<Evaluation> QueueDevice::judge(
    const Task& task,
    const Candidate& candidate,
    const JudgeOptions& options,
    const StageObserver& observer) {
    if (options.rival != nullptr) {
        return Error{Errc::usage, "the service compares with baselines only", ""};
    }
    const JobWish wish{
        candidate.source,
        candidate.target,
        id_,
        candidate.isa,
        options.seed ? to_hex(*options.seed) : "",
        options_of(options),
        token_id_};
    KW_TRY_ASSIGN(const db::NewJob made, make_job(wish, task, prefix_, parts_.store, parts_.clock));
    KW_TRY_ASSIGN(const auto admitted, parts_.queue.submit({made}));
    if (admitted.front().admission != db::Admission::accepted) {
        return Error{Errc::environment, "the queue is full", ""};
    }
    const std::int64_t id = admitted.front().id;
    parts_.dispatch.submitted();
    if (observer) {
        observer("queue", "job e-" + std::to_string(id));
    }
    while (true) {
        const std::uint64_t seen = parts_.wakeups.job_version();
        KW_TRY_ASSIGN(const auto job, parts_.queue.job(id));
        if (!job || (job->state != "queued" && job->state != "leased")) {
            return job ? result_of(*job)
                       : Error{Errc::environment, "the job is gone from the queue", ""};
        }
        if (parts_.stop != 0) {
            KW_TRY(parts_.queue.cancel(id));
            parts_.dispatch.cancelled(id);
            return Error{Errc::interrupted, "the service stops", ""};
        }
        parts_.wakeups.wait_for_job(seen, k_look);
    }
}

}  // namespace kw::server
