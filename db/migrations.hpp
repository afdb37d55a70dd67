// SPDX-License-Identifier: Apache-2.0
// Forward-only migrations: the numbered SQL files of db/migrations/, embedded at build time. A
// released file never changes (tests/unit/db pins its hash). PRAGMA user_version is the schema
// version; PRAGMA application_id tells our files from other SQLite files.
#pragma once

#include "core/result.hpp"
#include "db/sqlite.hpp"

#include <string>
#include <vector>

namespace kw::db {

struct Migration {
    int version = 0;  ///< 1, 2, 3, ... without gaps
    std::string name;
    std::string sql;
};

inline constexpr int k_application_id = 0x4b575249;  ///< "KWRI"

[[nodiscard]] const std::vector<Migration>& migrations();
[[nodiscard]] int newest_schema();

/// PRAGMA user_version; 0 = nothing migrated yet.
[[nodiscard]] Result<int> schema_version(Connection& connection);

/// Refuses a file whose schema is newer than `newest`; the hint names the kwright that wrote it.
[[nodiscard]] Result<void> refuse_newer(Connection& connection, int found, int newest);

/// Brings the schema to the last of `steps`, each step in a transaction of its own, and notes who
/// did it.
[[nodiscard]] Result<void> migrate(Connection& connection, const std::vector<Migration>& steps);

}  // namespace kw::db
