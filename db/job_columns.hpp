// SPDX-License-Identifier: Apache-2.0
// The columns of the queue's tables, as db/columns.hpp does for the others, and the statements
// whose speed hangs on an index.
#pragma once

#include "core/job.hpp"
#include "db/columns.hpp"

#include <optional>

namespace kw::db {

inline const std::vector<std::string_view> k_job_states = {
    "queued", "leased", "done", "cancelled", "failed"};
inline const std::vector<std::string_view> k_job_stages = {"build", "time"};

template <class Io, class Row>
void visit_job(Io& io, Row& row) {
    io("campaign_id", row.campaign_id);
    io("candidate_hash", row.candidate_hash);
    io("task", row.task);
    io("task_hash", row.task_hash);
    io("target", row.target);
    io("device", row.device);
    io("arch", row.arch);
    io("isa", row.isa);
    io("seed", row.seed);
    io("options", row.options);
    io("purpose", Word{row.purpose, k_purposes});
    io("reproduces", Reference{row.reproduces});
    io("promote", row.promote);
    io("token_id", row.token_id);
    io("idempotency_key", Nullable{row.idempotency_key});
    io("request_hash", row.request_hash);
    io("rank", row.rank);
    io("state", Word{row.state, k_job_states});
    io("stage", Word{row.stage, k_job_stages});
    io("attempts", row.attempts);
    io("lease_id", Nullable{row.lease_id});
    io("worker", row.worker);
    io("trusted", row.trusted);
    io("lease_until_ms", row.lease_until_ms);
    io("created_ms", row.created_ms);
    io("started_ms", row.started_ms);
    io("ended_ms", row.ended_ms);
    io("evaluation_id", Reference{row.evaluation_id});
    io("error", row.error);
}

template <class Io, class Row>
void visit_token(Io& io, Row& row) {
    io("name", row.name);
    io("scope", row.scope);
    io("trusted", row.trusted);
    io("hash", row.hash);
    io("created_ms", row.created_ms);
    io("revoked_ms", row.revoked_ms);
}

/// Parameters: stage, device.
inline constexpr std::string_view k_next_sql =
    "SELECT id, rank FROM job WHERE state = 'queued' AND stage = ?1 AND device = ?2 "
    "ORDER BY rank, id LIMIT 1";
/// The same for a worker that is not trusted.
inline constexpr std::string_view k_next_untrusted_sql =
    "SELECT id, rank FROM job WHERE state = 'queued' AND stage = ?1 AND device = ?2 "
    "AND reproduces IS NULL ORDER BY rank, id LIMIT 1";
/// Parameters: stage, device, JSON array of task hashes, whether the worker is trusted.
inline constexpr std::string_view k_next_of_tasks_sql =
    "SELECT id, rank FROM job WHERE state = 'queued' AND stage = ?1 AND device = ?2 "
    "AND task_hash IN (SELECT value FROM json_each(?3)) AND (?4 OR reproduces IS NULL) "
    "ORDER BY rank, id LIMIT 1";
/// Parameters: now.
inline constexpr std::string_view k_expired_sql =
    "SELECT id FROM job WHERE state = 'leased' AND lease_until_ms <= ?1";
/// Parameters: stage, device. The lowest rank that waits.
inline constexpr std::string_view k_head_sql =
    "SELECT rank FROM job WHERE state = 'queued' AND stage = ?1 AND device = ?2 "
    "ORDER BY rank LIMIT 1";
/// Parameters: lease.
inline constexpr std::string_view k_by_lease_sql = "SELECT id FROM job WHERE lease_id = ?1";

/// One job by id; nothing when there is none.
[[nodiscard]] Result<std::optional<JobRow>> read_job(Connection& connection, std::int64_t id);
/// That has the lease id, whatever became of it.
[[nodiscard]] Result<std::optional<JobRow>> job_of_lease(
    Connection& connection, const std::string& lease_id);
/// Every field but the id. For use inside a transaction.
[[nodiscard]] Result<void> write_job(Connection& connection, const JobRow& row);

/// A commit that kill -9 cannot undo and a power cut may, without waiting for the disk: for what is
/// cheap to do again. Made before the transaction begins.
class Unsynced {
public:
    explicit Unsynced(Connection& connection);
    ~Unsynced();
    Unsynced(const Unsynced&) = delete;
    Unsynced& operator=(const Unsynced&) = delete;

private:
    Connection* connection_;
};

}  // namespace kw::db
