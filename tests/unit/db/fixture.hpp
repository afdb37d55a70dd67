// SPDX-License-Identifier: Apache-2.0
// A folder that goes away, a store in it, and raw SQL as an outsider would run it.
#pragma once

#include "db/store.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/rows.hpp"

#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace kw::test {

namespace fs = std::filesystem;

class TempDir {
public:
    TempDir() {
        // In memory where there is one: nothing here is about the disk, and each commit syncs.
        std::string pattern = "/dev/shm/kw-db-XXXXXX";
        if (mkdtemp(pattern.data()) == nullptr) {
            pattern = (fs::temp_directory_path() / "kw-db-XXXXXX").string();
            REQUIRE(mkdtemp(pattern.data()) != nullptr);
        }
        path_ = pattern;
    }
    ~TempDir() {
        // A test may have taken its own rights away.
        std::error_code ignored;
        fs::permissions(path_, fs::perms::owner_all, ignored);
        for (const auto& entry : fs::directory_iterator(path_, ignored)) {
            if (entry.is_directory(ignored)) {
                fs::permissions(entry.path(), fs::perms::owner_all, ignored);
            }
        }
        fs::remove_all(path_, ignored);
    }
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    [[nodiscard]] fs::path operator/(const std::string& name) const { return path_ / name; }
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

/// The value, or a failed test with the error's text.
template <class T>
T must(Result<T> result) {
    INFO((result.ok() ? std::string() : result.error().what + " | " + result.error().hint));
    REQUIRE(result.ok());
    if constexpr (!std::is_void_v<T>) {
        return std::move(result).value();
    }
}

inline db::Store open_store(
    const fs::path& file,
    db::Access access = db::Access::write,
    const db::OpenOptions& options = {}) {
    return must(db::Store::open(file, access, options));
}

/// Another program on the same file.
class Outsider {
public:
    explicit Outsider(const fs::path& file) {
        REQUIRE(sqlite3_open(file.c_str(), &handle_) == SQLITE_OK);
    }
    ~Outsider() { sqlite3_close(handle_); }
    Outsider(const Outsider&) = delete;
    Outsider& operator=(const Outsider&) = delete;

    void exec(const std::string& sql) {
        char* message = nullptr;
        const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, &message);
        INFO(sql);
        INFO((message == nullptr ? "" : message));
        REQUIRE(code == SQLITE_OK);
    }
    /// First column of the first row, "" without one.
    std::string text(const std::string& sql) {
        std::string out;
        const auto take = [](void* to, int, char** values, char**) {
            *static_cast<std::string*>(to) = values[0] == nullptr ? "NULL" : values[0];
            return 0;
        };
        REQUIRE(sqlite3_exec(handle_, sql.c_str(), take, &out, nullptr) == SQLITE_OK);
        return out;
    }
    /// What EXPLAIN QUERY PLAN says, a line a step.
    std::string plan(const std::string& sql) {
        std::string out;
        const auto take = [](void* to, int, char** values, char**) {
            *static_cast<std::string*>(to) += std::string(values[3]) + "\n";
            return 0;
        };
        INFO(sql);
        REQUIRE(
            sqlite3_exec(handle_, ("EXPLAIN QUERY PLAN " + sql).c_str(), take, &out, nullptr) ==
            SQLITE_OK);
        return out;
    }

private:
    sqlite3* handle_ = nullptr;
};

inline std::string bytes_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

inline CampaignRow named(std::string name) {
    CampaignRow row;
    row.name = std::move(name);
    return row;
}

inline CampaignRow campaign_of(db::Store& store, const std::string& name, const std::string& task) {
    CampaignRow row;
    row.name = name;
    row.task = task;
    row.proposer = "tune";
    row.state = "running";
    return must(store.create_campaign(row));
}

}  // namespace kw::test
