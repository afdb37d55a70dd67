// SPDX-License-Identifier: Apache-2.0
// Where the task of a stored campaign is found again.
#pragma once

#include "core/result.hpp"
#include "core/rows.hpp"
#include "core/task.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace kw::agent {

/// The folder that the campaign was begun with; "" when its settings do not say.
[[nodiscard]] std::filesystem::path task_folder_of(const CampaignRow& campaign);

/// From `folder` while it holds a task of this name, else by name below the roots. Whether its
/// files are still those that rows were judged by is for the caller to ask (is_same_task()).
[[nodiscard]] Result<Task> find_stored_task(
    const std::string& name,
    const std::filesystem::path& folder,
    const std::vector<std::filesystem::path>& roots);

}  // namespace kw::agent
