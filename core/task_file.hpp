// SPDX-License-Identifier: Apache-2.0
// Reads a task folder: task.toml plus the sources it names. Adding a task needs no rebuild.
#pragma once

#include "core/result.hpp"
#include "core/task.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace kw {

/// Every mistake is an Errc::config that reads "FILE:LINE:COLUMN: what", with did-you-mean for
/// unknown keys. The file is hostile input: sizes, counts and paths are bounded and no path may
/// leave the folder.
[[nodiscard]] Result<Task> load_task(const std::filesystem::path& folder);

struct TaskEntry {
    std::string name;
    std::filesystem::path folder;
};

/// Folders with a task.toml below the roots, sorted by name; an earlier root hides a later one's
/// same name.
[[nodiscard]] std::vector<TaskEntry> list_tasks(const std::vector<std::filesystem::path>& roots);

/// By name, or by path when `name` has a slash. Unknown: Errc::usage with did-you-mean.
[[nodiscard]] Result<Task> find_task(
    const std::string& name, const std::vector<std::filesystem::path>& roots);

}  // namespace kw
