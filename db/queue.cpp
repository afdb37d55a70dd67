// SPDX-License-Identifier: Apache-2.0
// Leases: claimed, extended, given back, expired.
#include "db/queue.hpp"

#include "core/csprng.hpp"
#include "db/queue_impl.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace kw::db {

namespace {

struct Head {
    std::int64_t id = 0;
    std::int64_t rank = 0;
};

/// 128 random bits: whoever knows it holds the lease.
std::string new_lease() {
    constexpr std::size_t digits = 32;
    return to_hex(random_seed()).substr(0, digits);
}

Result<std::optional<Head>> head_of_lane(
    Connection& connection,
    const std::string& stage,
    const std::string& device,
    const Claim& claim) {
    const bool chosen = !claim.task_hashes.empty();
    Statement query(
        connection,
        k_leasing,
        chosen                 ? k_next_of_tasks_sql
        : claim.worker.trusted ? k_next_sql
                               : k_next_untrusted_sql);
    if (chosen) {
        const std::string hashes = nlohmann::json(claim.task_hashes).dump();
        query.bind_all(
            std::string_view(stage),
            std::string_view(device),
            std::string_view(hashes),
            std::int64_t{claim.worker.trusted});
    } else {
        query.bind_all(std::string_view(stage), std::string_view(device));
    }
    KW_TRY_ASSIGN(const bool found, query.step());
    return found ? std::optional(Head{query.integer(0), query.integer(1)}) : std::nullopt;
}

/// The first kind that has work decides; of its lanes the lowest rank.
Result<std::optional<Head>> next_for(Connection& connection, const Claim& claim) {
    for (const std::string& stage : claim.worker.kinds) {
        std::optional<Head> best;
        for (const std::string& device : claim.worker.devices) {
            KW_TRY_ASSIGN(const auto head, head_of_lane(connection, stage, device, claim));
            if (head &&
                (!best || std::pair(head->rank, head->id) < std::pair(best->rank, best->id))) {
                best = head;
            }
        }
        if (best) {
            return best;
        }
    }
    return std::optional<Head>();
}

std::string machines_text(const std::vector<WorkerMachine>& machines) {
    nlohmann::json list = nlohmann::json::array();
    for (const WorkerMachine& machine : machines) {
        list.push_back({machine.device, machine.description, machine.arch, machine.facts});
    }
    return list.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

Result<void> note_worker(Connection& connection, const WorkerRow& worker, std::int64_t now) {
    Statement note(
        connection,
        k_leasing,
        "INSERT INTO worker (name, token_id, trusted, devices, kinds, toolchain, evaluator_hash, "
        "first_ms, last_ms, done, lost, machines) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, 0, 0, ?9) "
        "ON CONFLICT (name) DO UPDATE SET (token_id, trusted, devices, kinds, toolchain, "
        "evaluator_hash, last_ms, machines) = (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)");
    const std::string devices = nlohmann::json(worker.devices).dump();
    const std::string kinds = nlohmann::json(worker.kinds).dump();
    const std::string machines = machines_text(worker.machines);
    note.bind_all(
        std::string_view(worker.name),
        worker.token_id,
        std::int64_t{worker.trusted},
        std::string_view(devices),
        std::string_view(kinds),
        std::string_view(worker.toolchain),
        std::string_view(worker.evaluator_hash),
        now,
        std::string_view(machines));
    return note.run();
}

Result<std::optional<JobRow>> lease(
    Connection& connection,
    std::int64_t id,
    const WorkerRow& worker,
    std::int64_t now,
    std::int64_t lease_ms) {
    Statement update(
        connection,
        k_leasing,
        "UPDATE job SET state = 'leased', attempts = attempts + 1, lease_id = ?, worker = ?, "
        "trusted = ?, lease_until_ms = ?, started_ms = ? WHERE id = ? AND state = 'queued' "
        "RETURNING " +
            job_columns());
    const std::string lease_id = new_lease();
    update.bind_all(
        std::string_view(lease_id),
        std::string_view(worker.name),
        std::int64_t{worker.trusted},
        now + lease_ms,
        now,
        id);
    KW_TRY_ASSIGN(const bool found, update.step());
    if (!found) {
        return std::optional<JobRow>();
    }
    KW_TRY_ASSIGN(JobRow job, job_of(update));
    KW_TRY(update.run());
    return std::optional<JobRow>(std::move(job));
}

/// Back to where it waits, as if it had never been leased; `attempts` stay as they are.
void unlease(JobRow& job) {
    job.state = "queued";
    job.lease_id.clear();
    job.lease_until_ms = 0;
}

Result<std::vector<std::int64_t>> ids_of(Statement& query) {
    std::vector<std::int64_t> ids;
    while (true) {
        KW_TRY_ASSIGN(const bool found, query.step());
        if (!found) {
            return ids;
        }
        ids.push_back(query.integer(0));
    }
}

}  // namespace

Queue::Queue(Store& store, Clock& clock, const QueueSettings& settings)
    : store_(&store)
    , clock_(&clock)
    , settings_(settings)
    , counted_(std::make_unique<Counted>()) {}
Queue::~Queue() = default;

Result<std::optional<JobRow>> Queue::claim(const Claim& claim) {
    const std::lock_guard guard(store_->impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, store_->impl_->writer(k_leasing));
    KW_TRY(load_counts(*connection));
    const Unsynced unsynced(*connection);
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(*connection, k_leasing, Transaction::Kind::write));
    counted_->loaded = false;  // until the commit
    const std::int64_t now = clock_->utc_ms();
    KW_TRY(note_worker(*connection, claim.worker, now));
    KW_TRY(take_back(*connection));
    KW_TRY_ASSIGN(const auto head, next_for(*connection, claim));
    std::optional<JobRow> job;
    if (head) {
        KW_TRY_ASSIGN(job, lease(*connection, head->id, claim.worker, now, settings_.lease_ms));
        KW_CHECK(job.has_value());
        recount(*job, -1);
    }
    KW_TRY(transaction.commit());
    counted_->loaded = true;
    return job;
}

/// Inside a transaction of the caller's.
Result<int> Queue::take_back(Connection& connection) {
    Statement query(connection, k_leasing, k_expired_sql);
    query.bind_all(clock_->utc_ms());
    KW_TRY_ASSIGN(const std::vector<std::int64_t> expired, ids_of(query));
    for (const std::int64_t id : expired) {
        KW_TRY_ASSIGN(std::optional<JobRow> job, read_job(connection, id));
        KW_CHECK(job.has_value());
        KW_TRY(credit(connection, job->worker, "lost"));
        const std::string error = "worker " + job->worker + " was not heard of any more";
        KW_TRY(end_outage(connection, *job, error));
    }
    return static_cast<int>(expired.size());
}

Result<int> Queue::expire() {
    const std::lock_guard guard(store_->impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, store_->impl_->writer(k_leasing));
    KW_TRY(load_counts(*connection));
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(*connection, k_leasing, Transaction::Kind::write));
    counted_->loaded = false;
    KW_TRY_ASSIGN(const int count, take_back(*connection));
    KW_TRY(transaction.commit());
    counted_->loaded = true;
    return count;
}

Result<std::optional<std::int64_t>> Queue::heartbeat(const std::string& lease_id) {
    const std::lock_guard guard(store_->impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, store_->impl_->writer(k_leasing));
    const Unsynced unsynced(*connection);
    const std::int64_t now = clock_->utc_ms();
    const std::int64_t until = now + settings_.lease_ms;
    Statement update(
        *connection,
        k_leasing,
        "UPDATE job SET lease_until_ms = ? WHERE lease_id = ? AND state = 'leased' "
        "RETURNING worker");
    update.bind_all(until, std::string_view(lease_id));
    KW_TRY_ASSIGN(const bool held, update.step());
    if (!held) {
        return std::optional<std::int64_t>();
    }
    const std::string worker = update.text(0);
    KW_TRY(update.run());
    Statement heard(*connection, k_leasing, "UPDATE worker SET last_ms = ? WHERE name = ?");
    heard.bind_all(now, std::string_view(worker));
    KW_TRY(heard.run());
    return std::optional(until);
}

Result<bool> Queue::give_back(const std::string& lease_id) {
    KW_TRY_ASSIGN(std::optional<JobRow> found, leased_job(lease_id));
    if (!found) {
        return false;
    }
    const std::lock_guard guard(store_->impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, store_->impl_->writer(k_leasing));
    KW_TRY(load_counts(*connection));
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(*connection, k_leasing, Transaction::Kind::write));
    KW_TRY_ASSIGN(std::optional<JobRow> job, read_job(*connection, found->id));
    if (!job || job->state != "leased" || job->lease_id != lease_id) {
        return false;
    }
    unlease(*job);
    job->attempts = std::max(0, job->attempts - 1);
    KW_TRY(write_job(*connection, *job));
    KW_TRY(transaction.commit());
    recount(*job, 1);
    return true;
}

Result<int> Queue::lose_leases_of(const std::string& worker) {
    {
        const std::lock_guard guard(store_->impl_->mutex);
        KW_TRY_ASSIGN(Connection * connection, store_->impl_->writer(k_leasing));
        Statement update(
            *connection,
            k_leasing,
            "UPDATE job SET lease_until_ms = 0 WHERE state = 'leased' AND worker = ?");
        update.bind_all(std::string_view(worker));
        KW_TRY(update.run());
    }
    return expire();
}

Result<bool> Queue::cancel(std::int64_t id) {
    const std::lock_guard guard(store_->impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, store_->impl_->writer(k_ending_job));
    KW_TRY(load_counts(*connection));
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(*connection, k_ending_job, Transaction::Kind::write));
    KW_TRY_ASSIGN(std::optional<JobRow> job, read_job(*connection, id));
    if (!job || (job->state != "queued" && job->state != "leased")) {
        return false;
    }
    const bool waited = job->state == "queued";
    job->state = "cancelled";
    job->ended_ms = clock_->utc_ms();
    KW_TRY(write_job(*connection, *job));
    KW_TRY(transaction.commit());
    if (waited) {
        recount(*job, -1);
    }
    return true;
}

}  // namespace kw::db
