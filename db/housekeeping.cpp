// SPDX-License-Identifier: Apache-2.0
// Backup, removal of what nothing refers to, and the integrity check.
#include "db/store_impl.hpp"

#include <sqlite3.h>

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace kw::db {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_backing_up = "backing up the database";
constexpr std::string_view k_collecting = "removing unused blobs";
constexpr std::string_view k_checking = "checking the database";
constexpr int k_problems_told = 20;

/// One kind of blob that may be out of use. A candidate is kept while a campaign of its task can be
/// resumed: it may be the one that was stored and not yet judged.
struct Garbage {
    const char* table;
    const char* bytes;
    const char* unused;
};
constexpr Garbage k_garbage[] = {
    {"reply", "length(raw)", "campaign_id NOT IN (SELECT id FROM campaign)"},
    {"prompt",
     "length(text)",
     "NOT EXISTS (SELECT 1 FROM reply WHERE reply.prompt_hash = prompt.hash)"},
    {"candidate",
     "length(source)",
     "NOT EXISTS (SELECT 1 FROM evaluation WHERE evaluation.candidate_hash = candidate.hash)"
     " AND NOT EXISTS (SELECT 1 FROM evaluation WHERE evaluation.parent_hash = candidate.hash)"
     " AND NOT EXISTS (SELECT 1 FROM reply WHERE reply.parent_hash = candidate.hash)"
     " AND candidate.task NOT IN (SELECT task FROM campaign"
     " WHERE state IN ('planned', 'running', 'interrupted'))"},
};

/// Jobs came with schema 9; a viewer may count in an older file.
std::string unused(const Garbage& kind, int schema) {
    const bool jobs = schema >= 9 && std::string_view(kind.table) == "candidate";
    return std::string(kind.unused) +
           (jobs ? " AND candidate.hash NOT IN (SELECT candidate_hash FROM job)" : "");
}

Result<void> count(
    Connection& connection, const Garbage& kind, const std::string& condition, GcReport& report) {
    Statement query(
        connection,
        k_collecting,
        std::string("SELECT count(*), coalesce(sum(") + kind.bytes + "), 0) FROM " + kind.table +
            " WHERE " + condition);
    KW_TRY(query.step());
    report.blobs += query.integer(0);
    report.bytes += query.integer(1);
    return {};
}

/// The file shrinks by the pages that came free; readers may go on meanwhile.
Result<void> give_back_pages(Connection& connection) {
    Statement vacuum(connection, k_collecting, "PRAGMA incremental_vacuum");
    KW_TRY(vacuum.run());
    Statement checkpoint(connection, k_collecting, "PRAGMA wal_checkpoint(TRUNCATE)");
    return checkpoint.run();
}

/// The whole file in one step, so in one read transaction: writers are not held up, and a busy one
/// cannot make the copy begin anew for ever.
Result<void> copy_pages(Connection& from, Connection& to) {
    sqlite3_backup* copy = sqlite3_backup_init(to.raw(), "main", from.raw(), "main");
    if (copy == nullptr) {
        return to.error(sqlite3_errcode(to.raw()), k_backing_up);
    }
    const int step = sqlite3_backup_step(copy, -1);
    const int finish = sqlite3_backup_finish(copy);
    if (step != SQLITE_DONE) {
        return to.error(step, k_backing_up, sqlite3_errstr(step));
    }
    if (finish != SQLITE_OK) {
        return to.error(finish, k_backing_up);
    }
    // One file that can be read anywhere: the log goes.
    Statement plain(to, k_backing_up, "PRAGMA journal_mode = DELETE");
    return plain.run();
}

/// link() refuses to replace a file that came up meanwhile; a file system without links gets
/// rename().
Result<void> publish(const fs::path& partial, const fs::path& target, const std::string& shown) {
    if (link(partial.c_str(), target.c_str()) == 0) {
        return {};
    }
    if (errno != EEXIST && rename(partial.c_str(), target.c_str()) == 0) {
        return {};
    }
    return Error{
        Errc::database,
        "backing up the database: making " + shown + ": " + std::strerror(errno),
        "name another file"};
}

Result<void> tell_rows(
    Connection& connection, const std::string& pragma, int columns, std::string& out) {
    Statement query(connection, k_checking, pragma);
    for (int told = 0; told < k_problems_told; ++told) {
        const auto row = query.step();
        if (!row || !row.value()) {
            return row ? Result<void>() : Result<void>(row.error());
        }
        std::string line;
        for (int column = 0; column < columns; ++column) {
            line.append(column == 0 ? "" : " ").append(printable(query.text(column), 200));
        }
        if (line != "ok") {
            out.append(out.empty() ? "" : "\n").append(line);
        }
    }
    return {};
}

}  // namespace

Result<void> Store::backup(const fs::path& to) {
    std::error_code why;
    const fs::path target = fs::absolute(to, why);
    if (fs::exists(fs::symlink_status(target, why))) {
        return Error{
            Errc::usage,
            "backing up the database: " + to.string() + " exists already",
            "name a new file, or remove that one first"};
    }
    // A connection of its own: other threads go on writing through this store.
    std::optional<FileState> immutable;
    KW_TRY_ASSIGN(
        Connection from,
        connect_reader(impl_->path, impl_->file.string(), impl_->options, immutable));
    const fs::path partial = target.string() + ".partial-" + std::to_string(getpid());
    auto copied = [&]() -> Result<void> {
        KW_TRY_ASSIGN(Connection copy, Connection::open(partial, to.string(), OpenMode::write, 0));
        return copy_pages(from, copy);
    }();
    if (copied) {
        copied = publish(partial, target, to.string());
    }
    fs::remove(partial, why);
    return copied;
}

Result<GcReport> Store::gc(bool remove) {
    const std::lock_guard guard(impl_->mutex);
    GcReport report;
    KW_TRY_ASSIGN(Connection * connection, remove ? impl_->writer(k_collecting) : impl_->reader());
    {
        const auto kind = remove ? Transaction::Kind::write : Transaction::Kind::read;
        KW_TRY_ASSIGN(Transaction transaction, Transaction::begin(*connection, k_collecting, kind));
        for (const Garbage& garbage : k_garbage) {
            const std::string condition = unused(garbage, impl_->schema);
            KW_TRY(count(*connection, garbage, condition, report));
            if (remove) {
                KW_TRY(connection->exec(
                    k_collecting,
                    std::string("DELETE FROM ") + garbage.table + " WHERE " + condition));
            }
        }
        KW_TRY(transaction.commit());
    }
    if (remove) {
        KW_TRY(give_back_pages(*connection));
    }
    return report;
}

Result<std::string> Store::integrity() {
    const std::lock_guard guard(impl_->mutex);
    KW_TRY_ASSIGN(Connection * connection, impl_->reader());
    std::string problems;
    for (const auto& [pragma, columns] :
         {std::pair("PRAGMA integrity_check(20)", 1), std::pair("PRAGMA foreign_key_check", 4)}) {
        if (auto told = tell_rows(*connection, pragma, columns, problems); !told) {
            problems.append(problems.empty() ? "" : "\n").append(told.error().what);
        }
    }
    return problems.empty() ? std::string("ok") : problems;
}

}  // namespace kw::db
