// SPDX-License-Identifier: Apache-2.0
#include "db/migrations.hpp"

namespace kw::db {

namespace {

constexpr std::string_view k_preparing = "preparing the database";

Result<void> note_writer(Connection& connection) {
    Statement note(
        connection,
        k_preparing,
        "INSERT INTO meta (key, value) VALUES ('kwright_version', ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value");
    note.bind_all(std::string_view(KW_VERSION));
    return note.run();
}

Result<void> apply(Connection& connection, const Migration& step) {
    KW_TRY(connection.exec(k_preparing, step.sql));
    Statement note(
        connection,
        k_preparing,
        "INSERT INTO schema_note (version, name, kwright) VALUES (?, ?, ?)");
    note.bind_all(step.version, std::string_view(step.name), std::string_view(KW_VERSION));
    return note.run();
}

/// All or none: what a stop leaves is a database of the version it had, and a new one costs one
/// commit.
Result<void> apply_after(Connection& connection, int found, const std::vector<Migration>& steps) {
    KW_TRY_ASSIGN(
        Transaction transaction,
        Transaction::begin(connection, k_preparing, Transaction::Kind::write));
    for (const Migration& step : steps) {
        if (step.version > found) {
            KW_TRY(apply(connection, step));
        }
    }
    KW_TRY(note_writer(connection));
    KW_TRY(connection.exec(
        k_preparing, "PRAGMA user_version = " + std::to_string(steps.back().version)));
    return transaction.commit();
}

}  // namespace

int newest_schema() {
    return migrations().back().version;
}

Result<int> schema_version(Connection& connection) {
    KW_TRY_ASSIGN(
        const std::int64_t version,
        query_integer(connection, "opening the database", "PRAGMA user_version"));
    return static_cast<int>(version);  // the file format gives it 32 bits
}

Result<void> refuse_newer(Connection& connection, int found, int newest) {
    if (found < 0) {
        return connection.damaged("opening the database", "its schema version is negative");
    }
    if (found <= newest) {
        return {};
    }
    Statement query(
        connection, "opening the database", "SELECT value FROM meta WHERE key = 'kwright_version'");
    const auto row = query.step();
    const std::string writer =
        row.ok() && row.value() ? printable(query.text(0)) : std::string("a newer version");
    return Error{
        Errc::database,
        "opening the database: " + connection.shown() + " has schema " + std::to_string(found) +
            ", and kwright " KW_VERSION " knows up to " + std::to_string(newest),
        "it was written by kwright " + writer + ": use that or a later one"};
}

Result<void> migrate(Connection& connection, const std::vector<Migration>& steps) {
    KW_TRY_ASSIGN(const int found, schema_version(connection));
    KW_TRY(refuse_newer(connection, found, steps.back().version));
    if (found == steps.back().version) {
        return {};
    }
    // A table that is made anew is dropped in between: its rows must not take others with them. The
    // switch has no effect within a transaction.
    KW_TRY(connection.exec(k_preparing, "PRAGMA foreign_keys = OFF"));
    const Result<void> applied = apply_after(connection, found, steps);
    KW_TRY(connection.exec(k_preparing, "PRAGMA foreign_keys = ON"));
    return applied;
}

}  // namespace kw::db
