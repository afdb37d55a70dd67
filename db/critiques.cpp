// SPDX-License-Identifier: Apache-2.0
// Critiques and estimates: what was said before, to be held against what came of it.
#include "db/store_impl.hpp"

namespace kw::db {

namespace {

constexpr int k_critiques_since = 6;
constexpr std::string_view k_storing_critique = "storing the critique";
constexpr std::string_view k_reading_critiques = "reading the critiques";
constexpr std::string_view k_storing_estimate = "storing the estimate";
constexpr std::string_view k_reading_estimates = "reading the estimates";

/// False when a row of that place and part was there already.
template <class Row, class Visit>
Result<bool> put_once(
    Connection& connection,
    std::string_view doing,
    const std::string& table,
    const Row& row,
    const Visit& visit) {
    ColumnNames names;
    visit(names, row);
    Statement insert(
        connection,
        doing,
        names.insert_into(table) + " ON CONFLICT (campaign_id, step, slot, part) DO NOTHING");
    Binder binder(insert);
    visit(binder, row);
    KW_TRY(binder.failure());
    KW_TRY(insert.run());
    KW_TRY_ASSIGN(const std::int64_t changed, query_integer(connection, doing, "SELECT changes()"));
    return changed > 0;
}

constexpr auto k_visit_critique = [](auto& io, auto& row) {
    visit_critique(io, row);
};
constexpr auto k_visit_estimate = [](auto& io, auto& row) {
    visit_estimate(io, row);
};

}  // namespace

Result<bool> Store::put_critique(const CritiqueRow& row) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(k_storing_critique));
    return put_once(*connection, k_storing_critique, "critique", row, k_visit_critique);
}

Result<std::vector<CritiqueRow>> Store::critiques(std::int64_t campaign_id) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    std::vector<CritiqueRow> rows;
    if (impl_->schema < k_critiques_since) {
        return rows;
    }
    ColumnNames names;
    const CritiqueRow none;
    visit_critique(names, none);
    Statement query(
        *connection,
        k_reading_critiques,
        "SELECT " + names.list() +
            " FROM critique WHERE campaign_id = ? ORDER BY step, slot, part");
    query.bind_all(campaign_id);
    while (true) {
        KW_TRY_ASSIGN(const bool found, query.step());
        if (!found) {
            return rows;
        }
        Reader reader(query);
        visit_critique(reader, rows.emplace_back());
        KW_TRY(reader.failure());
    }
}

Result<bool> Store::put_estimate(const EstimateRow& row) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(k_storing_estimate));
    return put_once(*connection, k_storing_estimate, "estimate", row, k_visit_estimate);
}

Result<void> Store::put_estimates(const std::vector<EstimateRow>& rows) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(k_storing_estimate));
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(*connection, k_storing_estimate, Transaction::Kind::write));
    for (const EstimateRow& row : rows) {
        KW_TRY(put_once(*connection, k_storing_estimate, "estimate", row, k_visit_estimate));
    }
    return transaction.commit();
}

Result<std::vector<EstimateRow>> Store::estimates(std::int64_t campaign_id) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    std::vector<EstimateRow> rows;
    if (impl_->schema < k_critiques_since) {
        return rows;
    }
    ColumnNames names;
    const EstimateRow none;
    visit_estimate(names, none);
    Statement query(
        *connection,
        k_reading_estimates,
        "SELECT " + names.list("estimate.") +
            ", evaluation.verdict, evaluation.reward FROM estimate LEFT JOIN evaluation "
            "ON evaluation.campaign_id = estimate.campaign_id AND evaluation.step = estimate.step "
            "AND evaluation.slot = estimate.slot AND evaluation.reproduces IS NULL "
            "WHERE estimate.campaign_id = ? "
            "ORDER BY estimate.step, estimate.slot, estimate.part");
    query.bind_all(campaign_id);
    while (true) {
        KW_TRY_ASSIGN(const bool found, query.step());
        if (!found) {
            return rows;
        }
        EstimateRow& row = rows.emplace_back();
        Reader reader(query);
        visit_estimate(reader, row);
        KW_TRY(reader.failure());
        row.judged = !query.is_null(names.count());
        if (row.judged) {
            Reader outcome(query, names.count());
            outcome("verdict", row.verdict);
            outcome("reward", row.reward);
            KW_TRY(outcome.failure());
        }
    }
}

}  // namespace kw::db
