// SPDX-License-Identifier: Apache-2.0
// The single writer. A record lock on FILE-lock: the kernel drops it when the process dies, a child
// made by fork() does not inherit it, and it can name its holder. SQLite's own locks are held for
// one transaction only, so they cannot do this.
#pragma once

#include "core/result.hpp"

#include <filesystem>
#include <string>

namespace kw::db {

class WriterLock {
public:
    /// `shown` is the database as the user named it. Held by somebody: Errc::database with the pid.
    static Result<WriterLock> take(const std::filesystem::path& database, const std::string& shown);
    /// Whether some process, this one included, writes to the database now. Asks, never waits; true
    /// when it cannot be known.
    static bool held(const std::filesystem::path& database);
    ~WriterLock();
    WriterLock(WriterLock&& other) noexcept;
    WriterLock& operator=(WriterLock&&) = delete;

private:
    WriterLock(std::string path, int fd)
        : path_(std::move(path))
        , fd_(fd) {}
    std::string path_;
    int fd_ = -1;
};

}  // namespace kw::db
