// SPDX-License-Identifier: Apache-2.0
// Admission: idempotency keys, limits, and the fair order. The order is start-time fair queueing:
// a job's rank is one above its submitter's last and not below the head of its device's queue, so
// that submitters take turns however many jobs each has.
#include "db/queue_impl.hpp"

#include <algorithm>

namespace kw::db {

namespace {

Result<std::optional<std::int64_t>> first_integer(Statement& query) {
    KW_TRY_ASSIGN(const bool found, query.step());
    return found && !query.is_null(0) ? std::optional(query.integer(0)) : std::nullopt;
}

/// The lowest rank that waits for the device, or where its order has come to when none does.
Result<std::int64_t> head_rank(Connection& connection, const std::string& device) {
    std::optional<std::int64_t> head;
    for (const std::string_view stage : k_job_stages) {
        Statement query(connection, k_queueing, k_head_sql);
        query.bind_all(stage, std::string_view(device));
        KW_TRY_ASSIGN(const auto rank, first_integer(query));
        if (rank) {
            head = std::min(head.value_or(*rank), *rank);
        }
    }
    if (head) {
        return *head;
    }
    Statement query(connection, k_queueing, "SELECT max(rank) FROM queue_share WHERE device = ?");
    query.bind_all(std::string_view(device));
    KW_TRY_ASSIGN(const auto last, first_integer(query));
    return last.value_or(0);
}

Result<std::int64_t> next_rank(
    Connection& connection, const std::string& device, std::int64_t token_id) {
    KW_TRY_ASSIGN(const std::int64_t head, head_rank(connection, device));
    Statement query(
        connection, k_queueing, "SELECT rank FROM queue_share WHERE device = ? AND token_id = ?");
    query.bind_all(std::string_view(device), token_id);
    KW_TRY_ASSIGN(const auto last, first_integer(query));
    const std::int64_t rank = std::max(head, last.value_or(-1) + 1);
    Statement note(
        connection,
        k_queueing,
        "INSERT INTO queue_share (device, token_id, rank) VALUES (?1, ?2, ?3) "
        "ON CONFLICT (device, token_id) DO UPDATE SET rank = ?3");
    note.bind_all(std::string_view(device), token_id, rank);
    KW_TRY(note.run());
    return rank;
}

Result<std::optional<JobRow>> by_key(Connection& connection, const JobRow& wanted) {
    Statement query(
        connection,
        k_queueing,
        "SELECT " + job_columns() + " FROM job WHERE token_id = ? AND idempotency_key = ?");
    query.bind_all(wanted.token_id, std::string_view(wanted.idempotency_key));
    KW_TRY_ASSIGN(const bool found, query.step());
    if (!found) {
        return std::optional<JobRow>();
    }
    KW_TRY_ASSIGN(JobRow job, job_of(query));
    return std::optional<JobRow>(std::move(job));
}

}  // namespace

Result<std::int64_t> Queue::insert(Connection& connection, JobRow job) {
    KW_TRY_ASSIGN(job.rank, next_rank(connection, job.device, job.token_id));
    job.state = "queued";
    job.created_ms = clock_->utc_ms();
    ColumnNames names;
    visit_job(names, job);
    Statement insert(connection, k_queueing, names.insert_into("job"));
    Binder binder(insert);
    visit_job(binder, std::as_const(job));
    KW_TRY(binder.failure());
    KW_TRY(insert.run());
    job.id = connection.last_insert_id();
    recount(job, 1);
    return job.id;
}

Result<Admitted> Queue::admit(Connection& connection, const NewJob& wanted) {
    if (!wanted.job.idempotency_key.empty()) {
        KW_TRY_ASSIGN(const auto earlier, by_key(connection, wanted.job));
        if (earlier) {
            const bool same = earlier->request_hash == wanted.job.request_hash;
            return Admitted{same ? Admission::replayed : Admission::conflict, earlier->id};
        }
    }
    if (counted_->total >= settings_.max_queued ||
        counted_->by_token[wanted.job.token_id] >= settings_.max_queued_each) {
        return Admitted{Admission::full, 0};
    }
    KW_TRY(insert_candidate(connection, wanted.candidate));
    KW_TRY_ASSIGN(const std::int64_t id, insert(connection, wanted.job));
    return Admitted{Admission::accepted, id};
}

Result<std::vector<Admitted>> Queue::submit(const std::vector<NewJob>& jobs) {
    const std::lock_guard guard(store_->impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, store_->impl_->writer(k_queueing));
    KW_TRY(load_counts(*connection));
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(*connection, k_queueing, Transaction::Kind::write));
    counted_->loaded = false;  // until the commit
    std::vector<Admitted> admitted;
    for (const NewJob& job : jobs) {
        KW_TRY_ASSIGN(const Admitted one, admit(*connection, job));
        admitted.push_back(one);
    }
    KW_TRY(transaction.commit());
    counted_->loaded = true;
    return admitted;
}

}  // namespace kw::db
