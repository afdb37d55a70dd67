// SPDX-License-Identifier: Apache-2.0
// Opening the file: whose it is, who may write, and how to read it from a folder that nobody may
// write.
#include "db/migrations.hpp"
#include "db/store_impl.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace kw::db {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_opening = "opening the database";

Result<void> refuse_foreign(Connection& connection) {
    KW_TRY_ASSIGN(
        const std::int64_t id, query_integer(connection, k_opening, "PRAGMA application_id"));
    if (id != k_application_id) {
        return Error{
            Errc::database,
            "opening the database: " + connection.shown() +
                " is a SQLite database of another program",
            "name another file with --db FILE; it was left as it is"};
    }
    return {};
}

/// SQLite takes a file of a few bytes for an empty database and would write over it.
Result<void> refuse_stub(const fs::path& path, const std::string& shown) {
    constexpr std::uintmax_t smallest_page = 512;
    std::error_code missing;
    const auto bytes = fs::file_size(path, missing);
    if (missing || bytes == 0 || bytes >= smallest_page || fs::exists(path.string() + "-journal")) {
        return {};
    }
    return Error{
        Errc::database,
        "opening the database: " + shown + " is not a database",
        "name another file with --db FILE; it was left as it is"};
}

/// Asked before SQLite is: it reports the errno of its last attempt, not of the one that matters.
Result<void> refuse_unwritable(const fs::path& path, const std::string& shown) {
    const bool old = fs::exists(path);
    const fs::path folder = path.parent_path();
    std::string obstacle;
    if (old && faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) != 0) {
        obstacle = " cannot be written: ";
    } else if (faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
        obstacle =
            old ? " needs a log beside it in its folder: " : " cannot be made in its folder: ";
    } else {
        return {};
    }
    return Error{
        Errc::database,
        "opening the database: " + shown + obstacle + std::strerror(errno),
        "look at the permissions of the file and of its folder, or name another one with --db "
        "FILE"};
}

Result<bool> is_empty(Connection& connection) {
    KW_TRY_ASSIGN(
        const std::int64_t pages, query_integer(connection, k_opening, "PRAGMA page_count"));
    return pages == 0;
}

/// The first page, with our mark in it, before the log exists: the mark is in the main file from
/// then on, whatever happens next. In one transaction: each of the two writes the page, and a
/// process killed between them would leave a file that is nobody's.
Result<void> mark_new_file(Connection& connection) {
    return connection.exec(
        k_opening,
        "BEGIN; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA application_id = " +
            std::to_string(k_application_id) + "; COMMIT");
}

Result<void> set_writer_pragmas(Connection& connection, const OpenOptions& options) {
    Statement wal(connection, k_opening, "PRAGMA journal_mode = WAL");
    KW_TRY_ASSIGN(const bool row, wal.step());
    if (!row || wal.text(0) != "wal") {
        return Error{
            Errc::database,
            "opening the database: the file system of " + connection.shown() +
                " cannot hold a write-ahead log",
            "keep the database on a local file system"};
    }
    KW_TRY(wal.run());
    // FULL: a commit outlives a power cut too. NORMAL would outlive kill -9 and save 0.3 ms of 1.1
    // for an evaluation that took seconds and a reply that was paid for.
    KW_TRY(connection.exec(
        k_opening,
        "PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 67108864; "
        "PRAGMA temp_store = MEMORY"));
    if (options.max_bytes > 0) {
        KW_TRY_ASSIGN(
            const std::int64_t page, query_integer(connection, k_opening, "PRAGMA page_size"));
        KW_TRY(connection.exec(
            k_opening,
            "PRAGMA max_page_count = " +
                std::to_string(std::max<std::int64_t>(1, options.max_bytes / page))));
    }
    return {};
}

/// Everything is read once, so that what stands in the way shows now and not in a later call.
Result<void> probe(Connection& connection) {
    KW_TRY(query_integer(connection, k_opening, "SELECT count(*) FROM sqlite_schema"));
    KW_TRY_ASSIGN(const bool empty, is_empty(connection));
    return empty ? Result<void>() : refuse_foreign(connection);
}

bool has_log(const fs::path& path) {
    std::error_code ignored;
    const auto bytes = fs::file_size(path.string() + "-wal", ignored);
    return !ignored && bytes > 0;
}

}  // namespace

FileState file_state(const fs::path& path) {
    std::error_code ignored;
    FileState state;
    state.bytes = fs::file_size(path, ignored);
    state.written = fs::last_write_time(path, ignored);
    state.log = has_log(path);
    return state;
}

Result<Connection> connect_reader(
    const fs::path& path,
    const std::string& shown,
    const OpenOptions& options,
    std::optional<FileState>& immutable) {
    const int busy_ms = static_cast<int>(options.busy_timeout.count());
    immutable.reset();
    KW_TRY(refuse_stub(path, shown));
    {
        KW_TRY_ASSIGN(Connection live, Connection::open(path, shown, OpenMode::read_only, busy_ms));
        const auto probed = probe(live);
        if (probed) {
            return live;
        }
        if (!live.refused_access()) {
            return probed.error();
        }
    }
    // Reading a log needs a shared-memory file beside it, which this folder does not allow.
    if (has_log(path)) {
        return Error{
            Errc::database,
            "opening the database: " + shown + " has a log (" + path.filename().string() +
                "-wal) and no file can be made in its folder",
            "copy both files to a folder of your own and open them there, or make the copy with "
            "kwright's backup"};
    }
    const FileState before = file_state(path);
    KW_TRY_ASSIGN(Connection still, Connection::open(path, shown, OpenMode::immutable, busy_ms));
    KW_TRY(probe(still));
    immutable = before;
    return still;
}

Result<WriterParts> connect_writer(
    const fs::path& path, const std::string& shown, const OpenOptions& options) {
    const int busy_ms = static_cast<int>(options.busy_timeout.count());
    KW_TRY(refuse_stub(path, shown));
    KW_TRY(refuse_unwritable(path, shown));
    KW_TRY_ASSIGN(Connection connection, Connection::open(path, shown, OpenMode::write, busy_ms));
    // A foreign file is refused before a lock file is laid beside it.
    KW_TRY_ASSIGN(const bool empty_at_first, is_empty(connection));
    if (!empty_at_first) {
        KW_TRY(refuse_foreign(connection));
    }
    KW_TRY_ASSIGN(WriterLock lock, WriterLock::take(path, shown));
    KW_TRY_ASSIGN(const bool empty, is_empty(connection));
    if (empty) {
        KW_TRY(mark_new_file(connection));
    }
    KW_TRY(refuse_foreign(connection));
    KW_TRY(set_writer_pragmas(connection, options));
    KW_TRY(migrate(connection, migrations()));
    return WriterParts{std::move(lock), std::move(connection)};
}

}  // namespace kw::db
