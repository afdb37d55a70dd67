// SPDX-License-Identifier: Apache-2.0
// Evaluations with their parts. The parts' tables share one shape: (evaluation_id, ordinal, ...).
#include "db/board_upkeep.hpp"
#include "db/store_impl.hpp"

#include <algorithm>
#include <unordered_map>

namespace kw::db {

namespace {

constexpr std::string_view k_storing = "storing the evaluation";
constexpr std::string_view k_reading = "reading the evaluations";

/// How a part is stored: its table, its vector in Evaluation, its columns.
struct ShapePart {
    using Row = ShapeTiming;
    static constexpr const char* k_table = "shape_timing";
    static constexpr auto k_member = &Evaluation::shapes;
    static constexpr auto k_visit = [](auto& io, auto& row) {
        visit_shape(io, row);
    };
};
struct CasePart {
    using Row = CaseOutcome;
    static constexpr const char* k_table = "case_outcome";
    static constexpr auto k_member = &Evaluation::cases;
    static constexpr auto k_visit = [](auto& io, auto& row) {
        visit_case(io, row);
    };
};
struct FindingPart {
    using Row = Finding;
    static constexpr const char* k_table = "finding";
    static constexpr auto k_member = &Evaluation::findings;
    static constexpr auto k_visit = [](auto& io, auto& row) {
        visit_finding(io, row);
    };
};
struct StagePart {
    using Row = StageTime;
    static constexpr const char* k_table = "stage_time";
    static constexpr auto k_member = &Evaluation::stages;
    static constexpr auto k_visit = [](auto& io, auto& row) {
        visit_stage(io, row);
    };
};

template <class Part>
ColumnNames part_columns() {
    ColumnNames names;
    const typename Part::Row row;
    Part::k_visit(names, row);
    return names;
}

template <class Part>
Result<void> write_part(Connection& connection, std::int64_t id, const Evaluation& result) {
    const auto& rows = result.*Part::k_member;
    if (rows.empty()) {
        return {};
    }
    const ColumnNames names = part_columns<Part>();
    Statement insert(
        connection,
        k_storing,
        std::string("INSERT INTO ") + Part::k_table + " (evaluation_id, ordinal, " + names.list() +
            ") VALUES (?, ?, " + names.marks() + ")");
    int ordinal = 0;
    for (const auto& row : rows) {
        insert.bind_all(id, ordinal++);
        Binder binder(insert, 2);
        Part::k_visit(binder, row);
        KW_TRY(binder.failure());
        KW_TRY(insert.run());
    }
    return {};
}

using RowsById = std::unordered_map<std::int64_t, EvaluationRow*>;

/// `chosen` is a SELECT of evaluation ids with one parameter.
template <class Part, class Key>
Result<void> read_part(
    Connection& connection,
    int schema,
    const std::string& chosen,
    const Key& key,
    const RowsById& rows) {
    Statement query(
        connection,
        k_reading,
        "SELECT evaluation_id, " + part_columns<Part>().list("", schema) + " FROM " +
            Part::k_table + " WHERE evaluation_id IN (" + chosen +
            ") ORDER BY evaluation_id, ordinal");
    query.bind_all(key);
    while (true) {
        KW_TRY_ASSIGN(const bool found, query.step());
        if (!found) {
            return {};
        }
        const auto owner = rows.find(query.integer(0));
        if (owner == rows.end()) {
            continue;
        }
        typename Part::Row part;
        Reader reader(query, 1);
        Part::k_visit(reader, part);
        KW_TRY(reader.failure());
        (owner->second->result.*Part::k_member).push_back(std::move(part));
    }
}

template <class Key>
Result<std::vector<EvaluationRow>> read_rows(
    Connection& connection, int schema, const std::string& chosen, const Key& key) {
    ColumnNames names;
    const EvaluationRow empty;
    visit_evaluation(names, empty);
    Statement query(
        connection,
        k_reading,
        "SELECT id, " + names.list("", schema) + " FROM evaluation WHERE id IN (" + chosen +
            ") ORDER BY campaign_id, step, slot, id");
    query.bind_all(key);
    std::vector<EvaluationRow> rows;
    while (true) {
        KW_TRY_ASSIGN(const bool found, query.step());
        if (!found) {
            return rows;
        }
        EvaluationRow row;
        row.id = query.integer(0);
        Reader reader(query, 1);
        visit_evaluation(reader, row);
        KW_TRY(reader.failure());
        rows.push_back(std::move(row));
    }
}

/// One snapshot: a writer's commit between the parts is not seen.
template <class Key>
Result<std::vector<EvaluationRow>> read_evaluations(
    Connection& connection, int schema, const std::string& condition, const Key& key) {
    KW_TRY_ASSIGN(
        const Transaction snapshot,
        Transaction::begin(connection, k_reading, Transaction::Kind::read));
    const std::string chosen = "SELECT id FROM evaluation WHERE " + condition;
    KW_TRY_ASSIGN(std::vector<EvaluationRow> rows, read_rows(connection, schema, chosen, key));
    RowsById by_id;
    for (EvaluationRow& row : rows) {
        by_id[row.id] = &row;
    }
    KW_TRY(read_part<ShapePart>(connection, schema, chosen, key, by_id));
    KW_TRY(read_part<CasePart>(connection, schema, chosen, key, by_id));
    KW_TRY(read_part<FindingPart>(connection, schema, chosen, key, by_id));
    KW_TRY(read_part<StagePart>(connection, schema, chosen, key, by_id));
    return rows;
}

/// The id of the new row, or 0 when its place was taken: the first judging of a (campaign, step,
/// slot) and the promotion of an evaluation are there once.
Result<std::int64_t> insert_evaluation(Connection& connection, const EvaluationRow& row) {
    ColumnNames names;
    visit_evaluation(names, row);
    Statement insert(
        connection, k_storing, names.insert_into("evaluation") + " ON CONFLICT DO NOTHING");
    Binder binder(insert);
    visit_evaluation(binder, row);
    KW_TRY(binder.failure());
    KW_TRY(insert.run());
    return connection.changes() == 0 ? std::int64_t{0} : connection.last_insert_id();
}

}  // namespace

Result<std::int64_t> write_evaluation(Connection& connection, const EvaluationRow& row) {
    if (is_weakened(row.result)) {
        return Error{
            Errc::database,
            std::string(k_storing) + ": it was judged" +
                row.result.sandbox_profile.substr(row.result.sandbox_profile.find(k_weakened_mark)),
            "results of a judge with a layer turned off are for tests only"};
    }
    KW_TRY_ASSIGN(const std::int64_t id, insert_evaluation(connection, row));
    if (id == 0) {
        return id;
    }
    KW_TRY(write_part<ShapePart>(connection, id, row.result));
    KW_TRY(write_part<CasePart>(connection, id, row.result));
    KW_TRY(write_part<FindingPart>(connection, id, row.result));
    KW_TRY(write_part<StagePart>(connection, id, row.result));
    KW_TRY(settle_board(connection, k_storing, row.reproduces == 0 ? id : row.reproduces));
    return id;
}

namespace {

Error no_evaluation(const Connection& connection, std::int64_t id) {
    return {
        Errc::database,
        std::string(k_storing) + ": " + connection.shown() + " has no evaluation " +
            std::to_string(id),
        ""};
}

/// Every field of a stored row but its parts: odd_doubles speaks of all of its doubles.
Result<void> rewrite(Connection& connection, const EvaluationRow& row) {
    ColumnNames names;
    visit_evaluation(names, row);
    Statement update(
        connection,
        k_storing,
        "UPDATE evaluation SET (" + names.list() + ") = (" + names.marks() + ") WHERE id = ?");
    Binder binder(update);
    visit_evaluation(binder, row);
    update.bind(names.count(), row.id);
    KW_TRY(binder.failure());
    KW_TRY(update.run());
    return connection.changes() == 1 ? Result<void>() : no_evaluation(connection, row.id);
}

/// The judgings before `row` that still counted are stale from now on.
Result<void> write_stale(Connection& connection, const EvaluationRow& row, Earlier earlier) {
    Statement update(
        connection,
        k_storing,
        "UPDATE evaluation SET state = 'stale' "
        "WHERE (id = ? OR reproduces = ?) AND state IN ('judged', 'unverified', 'waiting_device') "
        "AND (? OR (device = ? AND timing_kind = ?))");
    update.bind_all(
        row.reproduces,
        row.reproduces,
        std::int64_t{earlier == Earlier::stale},
        std::string_view(row.result.device),
        std::string_view(row.result.timing_kind));
    return update.run();
}

}  // namespace

Result<std::int64_t> Store::put_evaluation(const EvaluationRow& row, const CampaignRow& campaign) {
    KW_CHECK(row.campaign_id == campaign.id && row.reproduces == 0);
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(k_storing));
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(*connection, k_storing, Transaction::Kind::write));
    KW_TRY_ASSIGN(const std::int64_t id, write_evaluation(*connection, row));
    if (id == 0) {
        return id;
    }
    KW_TRY(note_task(*connection, campaign.task_hash, campaign.task));
    KW_TRY(write_campaign(*connection, k_storing, campaign));
    KW_TRY(transaction.commit());
    return id;
}

Result<std::int64_t> Store::put_evaluation(
    const EvaluationRow& row, EvaluationRow promotion, const CampaignRow& campaign) {
    KW_CHECK(row.campaign_id == campaign.id && row.reproduces == 0);
    KW_CHECK(promotion.campaign_id == campaign.id && promotion.purpose == "promotion");
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(k_storing));
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(*connection, k_storing, Transaction::Kind::write));
    KW_TRY_ASSIGN(promotion.reproduces, write_evaluation(*connection, row));
    if (promotion.reproduces == 0) {
        return promotion.reproduces;
    }
    KW_TRY(write_evaluation(*connection, promotion));
    KW_TRY(note_task(*connection, campaign.task_hash, campaign.task));
    KW_TRY(write_campaign(*connection, k_storing, campaign));
    KW_TRY(transaction.commit());
    return promotion.reproduces;
}

Result<bool> Store::put_promotion(
    const EvaluationRow& row,
    const std::vector<EvaluationRow>& changed,
    const CampaignRow& campaign) {
    KW_CHECK(row.purpose == "promotion" && row.reproduces != 0);
    KW_CHECK(row.campaign_id == campaign.id);
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(k_storing));
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(*connection, k_storing, Transaction::Kind::write));
    KW_TRY_ASSIGN(const std::int64_t id, write_evaluation(*connection, row));
    if (id == 0) {
        return false;
    }
    for (const EvaluationRow& first : changed) {
        KW_CHECK(first.campaign_id == campaign.id);
        KW_TRY(rewrite(*connection, first));
        KW_TRY(settle_board(*connection, k_storing, first.id));
    }
    KW_TRY(write_campaign(*connection, k_storing, campaign));
    KW_TRY(transaction.commit());
    return true;
}

Result<void> Store::put_judging(const EvaluationRow& row, Earlier earlier) {
    KW_CHECK(row.reproduces != 0);
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(k_storing));
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(*connection, k_storing, Transaction::Kind::write));
    if (earlier != Earlier::keep) {
        KW_TRY(write_stale(*connection, row, earlier));
    }
    KW_TRY_ASSIGN(const std::int64_t id, write_evaluation(*connection, row));
    if (id == 0) {
        return no_evaluation(*connection, row.reproduces);
    }
    return transaction.commit();
}

Result<std::vector<EvaluationRow>> Store::evaluations(std::int64_t campaign_id) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    const char* first = impl_->schema >= 3 ? " AND reproduces IS NULL" : "";
    return read_evaluations(
        *connection, impl_->schema, std::string("campaign_id = ?") + first, campaign_id);
}

Result<std::vector<EvaluationRow>> Store::judgings(std::int64_t campaign_id) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    if (impl_->schema < 3) {
        return std::vector<EvaluationRow>();
    }
    return read_evaluations(
        *connection, impl_->schema, "campaign_id = ? AND reproduces IS NOT NULL", campaign_id);
}

Result<std::optional<EvaluationRow>> Store::evaluation(std::int64_t id) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    KW_TRY_ASSIGN(auto rows, read_evaluations(*connection, impl_->schema, "id = ?", id));
    return rows.empty() ? std::optional<EvaluationRow>() : std::move(rows.front());
}

Result<std::vector<EvaluationRow>> Store::evaluations_after(
    std::int64_t campaign_id, std::int64_t after_id, int limit) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    const std::string condition = "campaign_id = ? AND id > " + std::to_string(after_id) +
                                  " ORDER BY id LIMIT " + std::to_string(limit);
    KW_TRY_ASSIGN(
        std::vector<EvaluationRow> rows,
        read_evaluations(*connection, impl_->schema, condition, campaign_id));
    std::ranges::sort(rows, {}, &EvaluationRow::id);
    return rows;
}

Result<std::vector<EvaluationRow>> Store::evaluations_of(const std::string& candidate_hash) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    return read_evaluations(*connection, impl_->schema, "candidate_hash = ?", candidate_hash);
}

Result<int> Store::mark_findings(
    const std::string& candidate_hash, const std::string& rule, const std::string& state) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(k_storing));
    Statement update(
        *connection,
        k_storing,
        "UPDATE finding SET state = ? WHERE rule = ? AND evaluation_id IN "
        "(SELECT id FROM evaluation WHERE candidate_hash = ?)");
    update.bind_all(
        std::string_view(state), std::string_view(rule), std::string_view(candidate_hash));
    KW_TRY(update.run());
    return static_cast<int>(connection->changes());
}

Result<int> Store::revoke(const std::string& candidate_hash) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(k_storing));
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(*connection, k_storing, Transaction::Kind::write));
    Statement update(
        *connection,
        k_storing,
        "UPDATE evaluation SET state = 'revoked' "
        "WHERE candidate_hash = ? AND state IN ('judged', 'unverified')");
    update.bind_all(std::string_view(candidate_hash));
    KW_TRY(update.run());
    const auto revoked = static_cast<int>(connection->changes());
    KW_TRY(settle_board_of(*connection, k_storing, candidate_hash));
    KW_TRY(transaction.commit());
    return revoked;
}

Result<void> Store::set_evaluation_state(std::int64_t evaluation_id, const std::string& state) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(k_storing));
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(*connection, k_storing, Transaction::Kind::write));
    Statement update(
        *connection,
        k_storing,
        "UPDATE evaluation SET state = ? WHERE id = ? RETURNING coalesce(reproduces, id)");
    update.bind_all(std::string_view(state), evaluation_id);
    KW_TRY_ASSIGN(const bool found, update.step());
    if (!found) {
        return no_evaluation(*connection, evaluation_id);
    }
    const std::int64_t first_id = update.integer(0);
    update.reset();
    KW_TRY(settle_board(*connection, k_storing, first_id));
    return transaction.commit();
}

}  // namespace kw::db
