// SPDX-License-Identifier: Apache-2.0
#include "db/sqlite.hpp"

#include <sqlite3.h>

#include <cerrno>
#include <cstring>
#include <limits>

namespace kw::db {

namespace {

/// Longest text or blob that SQLite may hand us: above the cap of a decompressed blob, below what
/// a hostile file could use to exhaust memory.
constexpr int k_longest_value = 128 << 20;

/// More than the program has fixed statements; each takes a few KiB.
constexpr std::size_t k_idle_statements = 256;

std::string percent_encoded(const std::string& path) {
    std::string out;
    for (const char c : path) {
        switch (c) {
            case '%': out += "%25"; break;
            case '?': out += "%3f"; break;
            case '#': out += "%23"; break;
            default: out += c;
        }
    }
    return out;
}

/// The file's rows may come from anybody: no trigger, no view, no function of the schema may run
/// when we read or write our own tables.
void distrust_schema(sqlite3* handle) {
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
    sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, k_longest_value);
    sqlite3_limit(handle, SQLITE_LIMIT_ATTACHED, 0);
}

bool disk_is_full(int code, int system_errno) {
    if ((code & 0xff) == SQLITE_FULL) {
        return true;
    }
    return (code & 0xff) == SQLITE_IOERR &&
           (system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG);
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
    std::string out;
    for (const char c : text.substr(0, limit)) {
        out += c >= 0x20 && c < 0x7f ? c : '?';
    }
    return text.size() > limit ? out + "..." : out;
}

void Connection::Close::operator()(sqlite3* handle) const {
    sqlite3_close_v2(handle);
}

Result<Connection> Connection::open(
    const std::filesystem::path& path, std::string shown, OpenMode mode, int busy_ms) {
    Connection connection;
    connection.shown_ = std::move(shown);
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |=
        mode == OpenMode::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    std::string name = path.string();
    if (mode == OpenMode::immutable) {
        flags |= SQLITE_OPEN_URI;
        name = "file:" + percent_encoded(name) + "?immutable=1";
    }
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(name.c_str(), &handle, flags, nullptr);
    connection.handle_.reset(handle);
    if (code != SQLITE_OK) {
        return connection.error(code, "opening the database");
    }
    distrust_schema(handle);
    sqlite3_busy_timeout(handle, busy_ms);
    KW_TRY(connection.exec(
        "opening the database", "PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON"));
    return connection;
}

bool Connection::refused_access() const {
    const int code = sqlite3_errcode(handle_.get()) & 0xff;
    return code == SQLITE_CANTOPEN || code == SQLITE_READONLY || code == SQLITE_PERM ||
           code == SQLITE_IOERR;
}

std::int64_t Connection::last_insert_id() const {
    return sqlite3_last_insert_rowid(handle_.get());
}

std::int64_t Connection::changes() const {
    return sqlite3_changes64(handle_.get());
}

Error Connection::damaged(std::string_view doing, const std::string& detail) const {
    return {
        Errc::database,
        std::string(doing) + ": " + shown_ + " is damaged: " + detail,
        "restore a backup, or save what can be saved with: sqlite3 FILE .recover"};
}

Error Connection::error(int code, std::string_view doing, const std::string& detail) const {
    const int system_errno = handle_ ? sqlite3_system_errno(handle_.get()) : 0;
    const std::string message =
        !detail.empty() ? detail : (handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code));
    const std::string where = std::string(doing) + ": " + shown_;
    if (disk_is_full(code, system_errno)) {
        return {
            Errc::database,
            where + " cannot grow: the disk is full",
            "free some space (kwright gc removes what nothing refers to), then kwright resume; "
            "what was stored before is intact"};
    }
    switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return {
                Errc::database,
                where + " is locked by another program",
                "close the program that holds it (a database browser, a copy in progress) and try "
                "again"};
        case SQLITE_NOTADB:
            return {
                Errc::database, where + " is not a database", "name another file with --db FILE"};
        case SQLITE_READONLY:
        case SQLITE_CANTOPEN:
        case SQLITE_PERM:
        case SQLITE_AUTH: {
            const std::string why = system_errno != 0 ? std::strerror(system_errno) : message;
            return {
                Errc::database,
                where + " cannot be opened or written: " + why,
                "look at the permissions of the file and of its folder, or name another file with "
                "--db FILE"};
        }
        case SQLITE_CORRUPT: return damaged(doing, message);
        case SQLITE_TOOBIG:
            return {Errc::database, where + ": a value is too long to store or read", ""};
        case SQLITE_ERROR:
        case SQLITE_SCHEMA:
            // Our SQL is fixed and tested: a table or column that is missing was taken away.
            return damaged(doing, printable(message, 200));
        default: {
            const std::string why = system_errno != 0 && (code & 0xff) == SQLITE_IOERR
                                        ? message + ": " + std::strerror(system_errno)
                                        : message;
            return {Errc::database, where + ": " + why, "kwright doctor checks the disk"};
        }
    }
}

Result<void> Connection::exec(std::string_view doing, const std::string& sql) {
    const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) {
        return error(code, doing);
    }
    return {};
}

IdleStatements::~IdleStatements() {
    for (const auto& [sql, statement] : statements_) {
        sqlite3_finalize(statement);
    }
}

sqlite3_stmt* IdleStatements::take(std::string_view sql) {
    const auto found = statements_.find(std::string(sql));
    if (found == statements_.end()) {
        return nullptr;
    }
    sqlite3_stmt* statement = found->second;
    statements_.erase(found);
    return statement;
}

void IdleStatements::put(sqlite3_stmt* statement) {
    if (statements_.size() >= k_idle_statements) {
        sqlite3_finalize(statement);
        return;
    }
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    statements_.emplace(sqlite3_sql(statement), statement);
}

Statement::Statement(Connection& connection, std::string_view doing, std::string_view sql)
    : connection_(&connection)
    , doing_(doing)
    , handle_(connection.idle().take(sql), GiveBack{&connection.idle()}) {
    if (handle_) {
        return;
    }
    sqlite3_stmt* handle = nullptr;
    const int code = sqlite3_prepare_v3(
        connection.raw(),
        sql.data(),
        static_cast<int>(sql.size()),
        SQLITE_PREPARE_PERSISTENT,
        &handle,
        nullptr);
    handle_.reset(handle);
    keep(code);
}

void Statement::keep(int code) {
    if (code != SQLITE_OK && failed_ == SQLITE_OK) {
        failed_ = code;
        failure_ = sqlite3_errmsg(connection_->raw());
    }
}

void Statement::bind(int index, std::int64_t value) {
    keep(sqlite3_bind_int64(handle_.get(), index + 1, value));
}

void Statement::bind(int index, double value) {
    keep(sqlite3_bind_double(handle_.get(), index + 1, value));
}

void Statement::bind(int index, std::string_view text) {
    const char* data = text.data() == nullptr ? "" : text.data();  // a null pointer would be NULL
    keep(sqlite3_bind_text64(
        handle_.get(), index + 1, data, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
}

void Statement::bind(int index, std::span<const std::byte> blob) {
    const void* data = blob.empty() ? static_cast<const void*>("") : blob.data();
    keep(sqlite3_bind_blob64(handle_.get(), index + 1, data, blob.size(), SQLITE_TRANSIENT));
}

void Statement::bind_null(int index) {
    keep(sqlite3_bind_null(handle_.get(), index + 1));
}

Result<bool> Statement::step() {
    if (failed_ != SQLITE_OK) {
        return connection_->error(failed_, doing_, failure_);
    }
    const int code = sqlite3_step(handle_.get());
    if (code == SQLITE_ROW) {
        return true;
    }
    if (code == SQLITE_DONE) {
        return false;
    }
    const Error error = connection_->error(code, doing_);
    sqlite3_reset(handle_.get());
    return error;
}

Result<void> Statement::run() {
    while (true) {
        KW_TRY_ASSIGN(const bool row, step());
        if (!row) {
            break;
        }
    }
    reset();
    return {};
}

void Statement::reset() {
    if (!handle_) {
        return;  // it could not be prepared: step() says so
    }
    sqlite3_reset(handle_.get());
    sqlite3_clear_bindings(handle_.get());
}

bool Statement::is_null(int column) const {
    return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL;
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(handle_.get(), column);
}

double Statement::real(int column) const {
    return is_null(column) ? std::numeric_limits<double>::quiet_NaN()
                           : sqlite3_column_double(handle_.get(), column);
}

std::string Statement::text(int column) const {
    const auto bytes = blob(column);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> Statement::blob(int column) const {
    // sqlite3_column_blob converts a number to text first, so bytes come after the pointer.
    const void* data = sqlite3_column_blob(handle_.get(), column);
    const int size = sqlite3_column_bytes(handle_.get(), column);
    return {static_cast<const std::byte*>(data), data == nullptr ? 0 : static_cast<size_t>(size)};
}

Result<Transaction> Transaction::begin(Connection& connection, std::string_view doing, Kind kind) {
    KW_TRY(Statement(connection, doing, kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN").run());
    return Transaction(connection, doing);
}

Transaction::Transaction(Transaction&& other) noexcept
    : connection_(other.connection_)
    , doing_(other.doing_) {
    other.connection_ = nullptr;
}

Transaction::~Transaction() {
    // After SQLITE_FULL and its like SQLite has rolled back itself.
    if (connection_ != nullptr && sqlite3_get_autocommit(connection_->raw()) == 0) {
        sqlite3_exec(connection_->raw(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
}

Result<void> Transaction::commit() {
    KW_TRY(Statement(*connection_, doing_, "COMMIT").run());
    connection_ = nullptr;
    return {};
}

Result<std::int64_t> query_integer(
    Connection& connection, std::string_view doing, std::string_view sql) {
    Statement query(connection, doing, sql);
    KW_TRY_ASSIGN(const bool row, query.step());
    return row ? query.integer(0) : std::int64_t{0};
}

}  // namespace kw::db
