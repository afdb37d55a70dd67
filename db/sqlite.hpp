// SPDX-License-Identifier: Apache-2.0
// The SQLite C API as owned values: connection, statement, transaction. Errors of binding are kept
// in the statement and come out of step(), so that call sites bind freely and check once. Used by
// db/ alone.
#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

struct sqlite3;
struct sqlite3_stmt;

namespace kw::db {

enum class OpenMode {
    write,      ///< read and write, create when missing
    read_only,  ///< sees a live writer's commits
    immutable,  ///< no lock, no side file: only for a file that nobody writes
};

/// Statements of one connection that are not in use, by their SQL: preparing one takes longer than
/// most of ours run. Bounded: SQL that is put together from a query's words may take many forms.
class IdleStatements {
public:
    IdleStatements() = default;
    ~IdleStatements();
    IdleStatements(const IdleStatements&) = delete;
    IdleStatements& operator=(const IdleStatements&) = delete;

    /// nullptr: there is none.
    [[nodiscard]] sqlite3_stmt* take(std::string_view sql);
    /// Owns `statement` from here, reset and without parameters.
    void put(sqlite3_stmt* statement);

private:
    std::unordered_multimap<std::string, sqlite3_stmt*> statements_;
};

class Connection {
public:
    /// `shown` is the path as the user gave it: messages use it. `path` must be absolute.
    static Result<Connection> open(
        const std::filesystem::path& path, std::string shown, OpenMode mode, int busy_ms);

    [[nodiscard]] sqlite3* raw() const { return handle_.get(); }
    [[nodiscard]] IdleStatements& idle() const { return *idle_; }
    [[nodiscard]] const std::string& shown() const { return shown_; }
    /// The last failure was about rights or side files: another way to open may work.
    [[nodiscard]] bool refused_access() const;
    [[nodiscard]] std::int64_t last_insert_id() const;
    [[nodiscard]] std::int64_t changes() const;  ///< of the last statement

    /// The Error of a failed call: `doing` names the action, e.g. "storing an evaluation". `detail`
    /// defaults to SQLite's own message.
    [[nodiscard]] Error error(
        int code, std::string_view doing, const std::string& detail = "") const;
    /// A row that cannot be what it claims: a damaged or hostile file.
    [[nodiscard]] Error damaged(std::string_view doing, const std::string& detail) const;

    /// Runs statements without parameters, rows ignored.
    Result<void> exec(std::string_view doing, const std::string& sql);

private:
    struct Close {
        void operator()(sqlite3* handle) const;
    };
    std::unique_ptr<sqlite3, Close> handle_;
    std::unique_ptr<IdleStatements> idle_ = std::make_unique<IdleStatements>();
    std::string shown_;
};

/// A prepared statement, lent by its connection, which must outlive it. Columns and parameters
/// count from 0.
class Statement {
public:
    /// `doing` must outlive the statement (a literal). A wrong statement shows in step().
    Statement(Connection& connection, std::string_view doing, std::string_view sql);

    void bind(int index, std::int64_t value);
    void bind(int index, int value) { bind(index, std::int64_t{value}); }
    void bind(int index, double value);  ///< NaN is stored as NULL
    void bind(int index, std::string_view text);
    void bind(int index, std::span<const std::byte> blob);
    void bind_null(int index);

    template <class... Values>
    Statement& bind_all(const Values&... values) {
        int index = 0;
        (bind(index++, values), ...);
        return *this;
    }

    /// true: a row is there; false: done.
    Result<bool> step();
    /// Runs a statement that gives no row of interest, and resets it.
    Result<void> run();
    void reset();

    [[nodiscard]] bool is_null(int column) const;
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] double real(int column) const;  ///< NULL is NaN
    [[nodiscard]] std::string text(int column) const;
    /// Valid until the next step().
    [[nodiscard]] std::span<const std::byte> blob(int column) const;

    [[nodiscard]] Connection& connection() const { return *connection_; }
    [[nodiscard]] std::string_view doing() const { return doing_; }

private:
    struct GiveBack {
        IdleStatements* idle = nullptr;
        void operator()(sqlite3_stmt* statement) const { idle->put(statement); }
    };
    void keep(int code);  ///< remembers the first failure

    Connection* connection_;
    std::string_view doing_;
    std::unique_ptr<sqlite3_stmt, GiveBack> handle_;
    int failed_ = 0;
    std::string failure_;
};

/// Rolls back unless committed.
class Transaction {
public:
    enum class Kind { read, write };
    /// `doing` must outlive the transaction.
    static Result<Transaction> begin(Connection& connection, std::string_view doing, Kind kind);
    ~Transaction();
    Transaction(Transaction&& other) noexcept;
    Transaction& operator=(Transaction&&) = delete;

    Result<void> commit();

private:
    Transaction(Connection& connection, std::string_view doing)
        : connection_(&connection)
        , doing_(doing) {}
    Connection* connection_;
    std::string_view doing_;
};

/// The one number that a query gives.
[[nodiscard]] Result<std::int64_t> query_integer(
    Connection& connection, std::string_view doing, std::string_view sql);

/// `text` made fit for an error message: cut, and everything but printable ASCII replaced.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 40);

}  // namespace kw::db
