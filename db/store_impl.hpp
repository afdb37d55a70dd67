// SPDX-License-Identifier: Apache-2.0
// What a Store holds; the Store's functions are spread over store.cpp, proposals.cpp,
// model_calls.cpp, evaluations.cpp, board.cpp and housekeeping.cpp by subject; Queue works on it
// too.
#pragma once

#include "db/columns.hpp"
#include "db/sqlite.hpp"
#include "db/store.hpp"
#include "db/writer_lock.hpp"

#include <filesystem>
#include <mutex>
#include <optional>

namespace kw::db {

/// Size and time of a file that was opened as immutable: a change means open it anew.
struct FileState {
    std::uintmax_t bytes = 0;
    std::filesystem::file_time_type written;
    bool log = false;  ///< a -wal file is beside it
    bool operator==(const FileState&) const = default;
};
[[nodiscard]] FileState file_state(const std::filesystem::path& path);

struct Store::Impl {
    std::filesystem::path file;  ///< as given
    std::filesystem::path path;  ///< absolute, links resolved
    Access access = Access::read_only;
    OpenOptions options;
    int schema = 0;
    std::optional<WriterLock> lock;  ///< outlives the connection
    std::optional<Connection> connection;
    std::optional<FileState> immutable;  ///< set when opened so
    std::mutex mutex;

    Result<void> open_reader();
    /// The connection, for a call that reads.
    Result<Connection*> reader();
    /// The same for a call that writes: refused on a read-only store.
    Result<Connection*> writer(std::string_view doing);
};

/// A connection for Access::read_only; on a folder that cannot be written it is immutable, and
/// `immutable` says so.
[[nodiscard]] Result<Connection> connect_reader(
    const std::filesystem::path& path,
    const std::string& shown,
    const OpenOptions& options,
    std::optional<FileState>& immutable);

/// Every field of the row but its id, which says which one. For use inside a transaction.
[[nodiscard]] Result<void> write_campaign(
    Connection& connection, std::string_view doing, const CampaignRow& row);

/// A campaign's task must be known before the campaign names it. For use inside a transaction.
[[nodiscard]] Result<void> note_task(
    Connection& connection, const std::string& hash, const std::string& name);

/// Keeps the candidate that is there already. For use inside a transaction.
[[nodiscard]] Result<void> insert_candidate(Connection& connection, const CandidateRow& row);

/// With its parts. The id, or 0 when its place was taken: then nothing was written. For use inside
/// a transaction.
[[nodiscard]] Result<std::int64_t> write_evaluation(
    Connection& connection, const EvaluationRow& row);

/// Keeps the reply that is there already. For use inside a transaction.
[[nodiscard]] Result<void> insert_reply(Connection& connection, const ReplyRow& row);

struct WriterParts {
    WriterLock lock;
    Connection connection;
};
[[nodiscard]] Result<WriterParts> connect_writer(
    const std::filesystem::path& path, const std::string& shown, const OpenOptions& options);

}  // namespace kw::db
