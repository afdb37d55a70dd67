// SPDX-License-Identifier: Apache-2.0
// The ledger of model calls: reserved, then settled or lost.
#include "db/store_impl.hpp"

namespace kw::db {

namespace {

constexpr std::string_view k_reserving = "reserving a model call";
constexpr std::string_view k_ending = "settling a model call";
constexpr std::string_view k_reading_calls = "reading the model calls";
constexpr int k_first_schema = 5;

}  // namespace

Result<std::vector<std::int64_t>> Store::reserve_calls(const std::vector<ModelCallRow>& rows) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(k_reserving));
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(*connection, k_reserving, Transaction::Kind::write));
    std::vector<std::int64_t> ids;
    for (const ModelCallRow& row : rows) {
        ColumnNames names;
        visit_call(names, row);
        Statement insert(*connection, k_reserving, names.insert_into("model_call"));
        Binder binder(insert);
        visit_call(binder, row);
        KW_TRY(insert.run());
        ids.push_back(connection->last_insert_id());
    }
    KW_TRY(transaction.commit());
    return ids;
}

Result<void> Store::end_call(const ModelCallRow& row, const ReplyRow* reply) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(k_ending));
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(*connection, k_ending, Transaction::Kind::write));
    ColumnNames names;
    visit_call(names, row);
    Statement update(
        *connection,
        k_ending,
        "UPDATE model_call SET (" + names.list() + ") = (" + names.marks() +
            ") WHERE id = ? AND state = 'reserved'");
    Binder binder(update);
    visit_call(binder, row);
    update.bind(names.count(), row.id);
    KW_TRY(update.run());
    if (reply != nullptr) {
        KW_TRY(insert_reply(*connection, *reply));
    }
    return transaction.commit();
}

Result<int> Store::lose_open_calls(std::int64_t campaign_id, std::int64_t ended_ms) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->writer(k_ending));
    Statement update(
        *connection,
        k_ending,
        "UPDATE model_call SET state = 'lost', ended_ms = ? "
        "WHERE campaign_id = ? AND state = 'reserved'");
    update.bind_all(ended_ms, campaign_id);
    KW_TRY(update.run());
    return static_cast<int>(connection->changes());
}

Result<std::vector<ModelCallRow>> Store::model_calls(std::int64_t campaign_id) {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    std::vector<ModelCallRow> rows;
    if (impl_->schema < k_first_schema) {
        return rows;
    }
    ColumnNames names;
    const ModelCallRow any;
    visit_call(names, any);
    Statement query(
        *connection,
        k_reading_calls,
        "SELECT id, " + names.list() + " FROM model_call WHERE campaign_id = ? ORDER BY id");
    query.bind_all(campaign_id);
    while (true) {
        KW_TRY_ASSIGN(const bool found, query.step());
        if (!found) {
            return rows;
        }
        ModelCallRow row;
        row.id = query.integer(0);
        Reader reader(query, 1);
        visit_call(reader, row);
        KW_TRY(reader.failure());
        rows.push_back(std::move(row));
    }
}

}  // namespace kw::db
