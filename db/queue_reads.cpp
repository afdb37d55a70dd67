// SPDX-License-Identifier: Apache-2.0
// What the queue tells: jobs, places, counts, workers.
#include "db/queue_impl.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace kw::db {

namespace {

constexpr int k_sampled = 20;  ///< earlier evaluations that an estimate goes by

std::vector<std::string> texts_of(const std::string& json) {
    const auto document = nlohmann::json::parse(json, nullptr, false);
    std::vector<std::string> texts;
    if (document.is_array()) {
        for (const auto& item : document) {
            if (item.is_string()) {
                texts.push_back(item.get<std::string>());
            }
        }
    }
    return texts;
}

std::vector<WorkerMachine> machines_of(const std::string& json) {
    const auto document = nlohmann::json::parse(json, nullptr, false);
    std::vector<WorkerMachine> machines;
    if (document.is_array()) {
        for (const auto& item : document) {
            const std::vector<std::string> texts = texts_of(item.dump());
            if (texts.size() == 4) {
                machines.push_back({texts[0], texts[1], texts[2], texts[3]});
            }
        }
    }
    return machines;
}

Result<std::vector<WorkerRow>> read_workers(Connection& connection) {
    Statement query(
        connection,
        k_reading_jobs,
        "SELECT name, token_id, trusted, devices, kinds, toolchain, evaluator_hash, first_ms, "
        "last_ms, done, lost, machines FROM worker ORDER BY name");
    std::vector<WorkerRow> rows;
    while (true) {
        KW_TRY_ASSIGN(const bool found, query.step());
        if (!found) {
            return rows;
        }
        WorkerRow row;
        row.name = query.text(0);
        row.token_id = query.integer(1);
        row.trusted = query.integer(2) != 0;
        row.devices = texts_of(query.text(3));
        row.kinds = texts_of(query.text(4));
        row.toolchain = query.text(5);
        row.evaluator_hash = query.text(6);
        row.first_ms = query.integer(7);
        row.last_ms = query.integer(8);
        row.done = query.integer(9);
        row.lost = query.integer(10);
        row.machines = machines_of(query.text(11));
        rows.push_back(std::move(row));
    }
}

/// Of the task's last evaluations on the device; NaN without one.
Result<double> usual_wall_s(Connection& connection, const JobRow& job) {
    Statement query(
        connection,
        k_reading_jobs,
        "SELECT avg(wall_s) FROM (SELECT evaluation.wall_s AS wall_s FROM job JOIN evaluation ON "
        "evaluation.id = job.evaluation_id WHERE job.state = 'done' AND job.task_hash = ? AND "
        "job.device = ? ORDER BY job.id DESC LIMIT ?)");
    query.bind_all(std::string_view(job.task_hash), std::string_view(job.device), k_sampled);
    KW_TRY(query.step());
    return query.real(0);
}

Result<std::vector<JobRow>> jobs_of(Statement& query) {
    std::vector<JobRow> rows;
    while (true) {
        KW_TRY_ASSIGN(const bool found, query.step());
        if (!found) {
            return rows;
        }
        KW_TRY_ASSIGN(JobRow job, job_of(query));
        rows.push_back(std::move(job));
    }
}

}  // namespace

std::string job_columns() {
    static const std::string columns = [] {
        ColumnNames names;
        const JobRow row;
        visit_job(names, row);
        return "id, " + names.list();
    }();
    return columns;
}

Result<JobRow> job_of(const Statement& query) {
    JobRow row;
    row.id = query.integer(0);
    Reader reader(query, 1);
    visit_job(reader, row);
    KW_TRY(reader.failure());
    return row;
}

Result<std::optional<JobRow>> read_job(Connection& connection, std::int64_t id) {
    Statement query(
        connection, k_reading_jobs, "SELECT " + job_columns() + " FROM job WHERE id = ?");
    query.bind_all(id);
    KW_TRY_ASSIGN(const bool found, query.step());
    if (!found) {
        return std::optional<JobRow>();
    }
    KW_TRY_ASSIGN(JobRow job, job_of(query));
    return std::optional<JobRow>(std::move(job));
}

Result<std::optional<JobRow>> job_of_lease(Connection& connection, const std::string& lease_id) {
    if (lease_id.empty()) {
        return std::optional<JobRow>();
    }
    Statement query(connection, k_reading_jobs, k_by_lease_sql);
    query.bind_all(std::string_view(lease_id));
    KW_TRY_ASSIGN(const bool found, query.step());
    return found ? read_job(connection, query.integer(0)) : std::optional<JobRow>();
}

Result<void> write_job(Connection& connection, const JobRow& row) {
    ColumnNames names;
    visit_job(names, row);
    Statement update(
        connection,
        k_ending_job,
        "UPDATE job SET (" + names.list() + ") = (" + names.marks() + ") WHERE id = ?");
    Binder binder(update);
    visit_job(binder, row);
    update.bind(names.count(), row.id);
    KW_TRY(binder.failure());
    return update.run();
}

Result<void> credit(Connection& connection, const std::string& worker, const char* column) {
    const std::string name = column;
    Statement update(
        connection,
        k_ending_job,
        "UPDATE worker SET " + name + " = " + name + " + 1 WHERE name = ?");
    update.bind_all(std::string_view(worker));
    return update.run();
}

Unsynced::Unsynced(Connection& connection)
    : connection_(&connection) {
    static_cast<void>(connection_->exec(k_leasing, "PRAGMA synchronous = NORMAL"));
}
Unsynced::~Unsynced() {
    static_cast<void>(connection_->exec(k_leasing, "PRAGMA synchronous = FULL"));
}

Result<void> Queue::load_counts(Connection& connection) {
    if (counted_->loaded) {
        return {};
    }
    Counted counted;
    Statement query(
        connection,
        k_reading_jobs,
        "SELECT stage, device, token_id, rank, id FROM job WHERE state = 'queued'");
    while (true) {
        KW_TRY_ASSIGN(const bool found, query.step());
        if (!found) {
            break;
        }
        const std::string device = query.text(1);
        ++counted.by_lane[{query.text(0), device}];
        ++counted.by_token[query.integer(2)];
        ++counted.total;
        counted.order[device].insert({query.integer(3), query.integer(4)});
    }
    counted.loaded = true;
    *counted_ = std::move(counted);
    return {};
}

/// For a reader.
Result<void> Queue::refresh_counts(Connection& connection) {
    if (store_->impl_->access == Access::read_only) {
        counted_->loaded = false;  // somebody else writes
    }
    return load_counts(connection);
}

void Queue::recount(const JobRow& job, int by) {
    counted_->by_lane[{job.stage, job.device}] += by;
    counted_->by_token[job.token_id] += by;
    counted_->total += by;
    WaitingOrder& order = counted_->order[job.device];
    if (by > 0) {
        order.insert({job.rank, job.id});
    } else {
        order.erase({job.rank, job.id});
    }
}

Result<std::optional<JobRow>> Queue::job(std::int64_t id) {
    const std::lock_guard guard(store_->impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, store_->impl_->reader());
    return store_->impl_->schema < k_queue_schema ? std::optional<JobRow>()
                                                  : read_job(*connection, id);
}

Result<std::optional<JobRow>> Queue::leased_job(const std::string& lease_id) {
    const std::lock_guard guard(store_->impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, store_->impl_->reader());
    if (store_->impl_->schema < k_queue_schema) {
        return std::optional<JobRow>();
    }
    KW_TRY_ASSIGN(std::optional<JobRow> job, job_of_lease(*connection, lease_id));
    return job && job->state == "leased" ? job : std::optional<JobRow>();
}

Result<Place> Queue::place(const JobRow& job) {
    const std::lock_guard guard(store_->impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, store_->impl_->reader());
    Place place;
    KW_TRY_ASSIGN(const std::vector<WorkerRow> known, read_workers(*connection));
    const std::int64_t silent = clock_->utc_ms() - 2 * settings_.lease_ms;
    for (const WorkerRow& worker : known) {
        const bool serves = std::ranges::count(worker.devices, job.device) > 0 &&
                            std::ranges::count(worker.kinds, "time") > 0;
        place.lanes += serves && worker.last_ms >= silent ? 1 : 0;
    }
    if (job.state == "queued") {
        KW_TRY(refresh_counts(*connection));
        const auto before = counted_->order[job.device].order_of_key({job.rank, job.id});
        place.position = static_cast<std::int64_t>(before) + 1;
    }
    KW_TRY_ASSIGN(const double each_s, usual_wall_s(*connection, job));
    if (place.lanes > 0 && each_s >= 0) {
        const double rounds = static_cast<double>(place.position) / place.lanes;
        place.estimate_s = each_s * std::max(1.0, rounds);
    }
    return place;
}

Result<QueueCounts> Queue::counts() {
    const std::lock_guard guard(store_->impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, store_->impl_->reader());
    QueueCounts counts;
    if (store_->impl_->schema < k_queue_schema) {
        return counts;
    }
    KW_TRY(refresh_counts(*connection));
    for (const auto& [lane, count] : counted_->by_lane) {
        if (count != 0) {
            counts.queued[lane] = count;
        }
    }
    counts.total = counted_->total;
    KW_TRY_ASSIGN(
        counts.leased,
        query_integer(
            *connection, k_reading_jobs, "SELECT count(*) FROM job WHERE state = 'leased'"));
    return counts;
}

Result<std::vector<JobRow>> Queue::recent(int limit) {
    const std::lock_guard guard(store_->impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, store_->impl_->reader());
    if (store_->impl_->schema < k_queue_schema) {
        return std::vector<JobRow>();
    }
    Statement leased(
        *connection,
        k_reading_jobs,
        "SELECT " + job_columns() + " FROM job WHERE state = 'leased' ORDER BY id LIMIT ?");
    leased.bind_all(limit);
    KW_TRY_ASSIGN(std::vector<JobRow> rows, jobs_of(leased));
    Statement ended(
        *connection,
        k_reading_jobs,
        "SELECT " + job_columns() + " FROM job WHERE ended_ms <> 0 ORDER BY ended_ms DESC LIMIT ?");
    ended.bind_all(limit);
    KW_TRY_ASSIGN(std::vector<JobRow> last, jobs_of(ended));
    std::ranges::move(last, std::back_inserter(rows));
    return rows;
}

Result<std::vector<WorkerRow>> Queue::workers() {
    const std::lock_guard guard(store_->impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, store_->impl_->reader());
    return store_->impl_->schema < k_queue_schema ? std::vector<WorkerRow>()
                                                  : read_workers(*connection);
}

}  // namespace kw::db
