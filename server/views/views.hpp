// SPDX-License-Identifier: Apache-2.0
// What pages show, as JSON documents (docs/json.md) made from a store alone: no device, no key, no
// sandbox. The API serves them, the dashboard draws them, `kwright report` puts them into one file.
// One line of ASCII each. Errc::usage: there is no such thing. Errc::database: the store.
#pragma once

#include "core/result.hpp"
#include "core/rows.hpp"
#include "db/store.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace kw::server {

/// "kwright.board/1".
[[nodiscard]] Result<std::string> board_view(db::Store& store, const BoardFilter& filter);

/// "kwright.kernel/1". Roots: where the task's cost is looked up; without it no operations a byte
/// are known, and everything else is there.
[[nodiscard]] Result<std::string> kernel_view(
    db::Store& store,
    const std::string& hash_prefix,
    const std::vector<std::filesystem::path>& task_roots = {});

/// "kwright.tasks-view/1": the folders below the roots, and tasks that only the store knows.
[[nodiscard]] Result<std::string> tasks_view(
    db::Store& store, const std::vector<std::filesystem::path>& task_roots);

/// "kwright.task-view/1".
[[nodiscard]] Result<std::string> task_view(
    db::Store& store,
    const std::vector<std::filesystem::path>& task_roots,
    const std::string& name);

/// "kwright.campaigns/1".
[[nodiscard]] Result<std::string> campaigns_view(db::Store& store);

/// "kwright.campaign-view/1".
[[nodiscard]] Result<std::string> campaign_view(db::Store& store, const std::string& name);

}  // namespace kw::server
