// SPDX-License-Identifier: Apache-2.0
// The durable lease queue of the evaluation service, in the store's file. A job is leased to a
// worker for a time that heartbeats extend; a lease that runs out is given to somebody else, and
// what its first holder still sends is refused. Every result is taken exactly once, in the
// transaction that stores its evaluation. Survives kill -9 at any instant: what submit() and
// finish() returned is on disk; a claim or a heartbeat may be forgotten by a power cut, which
// costs an attempt.
#pragma once

#include "core/clock.hpp"
#include "core/job.hpp"
#include "core/result.hpp"
#include "db/store.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kw::db {

struct QueueSettings {
    std::int64_t lease_ms = 60'000;
    int max_attempts = 3;
    std::int64_t max_queued = 200'000;
    std::int64_t max_queued_each = 100'000;  ///< of one submitter
};

/// A job with its source; both are stored together.
struct NewJob {
    JobRow job;
    CandidateRow candidate;
};

enum class Admission {
    accepted,
    replayed,  ///< the same request under the same key came before: that job
    conflict,  ///< the key was used for something else
    full,      ///< the queue's length or the submitter's share of it
};
struct Admitted {
    Admission admission = Admission::accepted;
    std::int64_t id = 0;
};

/// Who asks for work, and for which.
struct Claim {
    WorkerRow worker;  ///< kinds in the order of preference
    /// Only jobs of these tasks (hash_for()); empty = any.
    std::vector<std::string> task_hashes;
};

struct JobOutcome {
    enum class Kind {
        passed,  ///< built: now it waits for its device
        judged,
        outage,  ///< we could not: tried again, up to max_attempts
    };
    Kind kind = Kind::outage;
    Evaluation result;  ///< judged; an XX is an outage
    std::string error;  ///< outage
    std::string evaluator_hash;
};

struct Finished {
    enum class What {
        stored,
        passed,
        requeued,  ///< an outage; somebody will try again
        failed,    ///< an outage, and no attempt is left
        repeated,  ///< this result had been taken before
        lost,      ///< the lease is not held any more
    };
    What what = What::lost;
    std::int64_t job_id = 0;
    std::int64_t evaluation_id = 0;
    std::string evaluation_state;
    std::int64_t reproduction = 0;  ///< job that judges it again; 0 = none
};

struct Place {
    std::int64_t position = 0;  ///< 1 = next of its device; 0 = not waiting
    int lanes = 0;              ///< that serve its device now
    double estimate_s = -1;     ///< until it is judged; negative = not known
};

struct QueueCounts {
    std::map<std::pair<std::string, std::string>, std::int64_t> queued;  ///< (stage, device)
    std::int64_t total = 0;                                              ///< queued
    std::int64_t leased = 0;
};

class Connection;

class Queue {
public:
    /// The store must be open for writing and outlive the queue. One queue a store.
    Queue(Store& store, Clock& clock, const QueueSettings& settings = {});
    ~Queue();
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;

    [[nodiscard]] const QueueSettings& settings() const { return settings_; }

    /// In one transaction, in order; each is admitted or not by itself. Sets the rank: of the
    /// submitters of a device each gets its turn.
    Result<std::vector<Admitted>> submit(const std::vector<NewJob>& jobs);
    /// The next job for the worker, leased to it; also notes the worker and takes back what
    /// expired.
    Result<std::optional<JobRow>> claim(const Claim& claim);
    /// The new end of the lease, or nothing when it is not held any more.
    Result<std::optional<std::int64_t>> heartbeat(const std::string& lease_id);
    Result<Finished> finish(const std::string& lease_id, const JobOutcome& outcome);
    /// The holder stops: the job waits again, its attempt does not count. False: not held.
    Result<bool> give_back(const std::string& lease_id);
    /// The leases of a worker that is known to be dead. Their attempts count: what kills its worker
    /// must not do so for ever. How many.
    Result<int> lose_leases_of(const std::string& worker);
    /// False: it had ended. What its worker still sends is refused.
    Result<bool> cancel(std::int64_t id);
    /// Leases that ran out. How many; claim() does it too.
    Result<int> expire();

    Result<std::optional<JobRow>> job(std::int64_t id);
    Result<std::optional<JobRow>> leased_job(const std::string& lease_id);
    Result<Place> place(const JobRow& job);
    Result<QueueCounts> counts();
    /// Leased ones, then the newest ended ones.
    Result<std::vector<JobRow>> recent(int limit);
    Result<std::vector<WorkerRow>> workers();  ///< by name

private:
    struct Counted;
    Result<void> load_counts(Connection& connection);
    Result<void> refresh_counts(Connection& connection);
    void recount(const JobRow& job, int by);
    Result<int> take_back(Connection& connection);
    Result<Admitted> admit(Connection& connection, const NewJob& wanted);
    Result<std::int64_t> insert(Connection& connection, JobRow job);
    Result<Finished> store_result(Connection& connection, JobRow& job, const JobOutcome& outcome);
    Result<Finished> end_outage(Connection& connection, JobRow& job, const std::string& error);
    Result<Finished> pass_on(Connection& connection, JobRow& job);

    Store* store_;
    Clock* clock_;
    QueueSettings settings_;
    std::unique_ptr<Counted> counted_;  ///< what waits, by submitter and lane
};

}  // namespace kw::db
