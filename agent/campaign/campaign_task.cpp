// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/campaign_task.hpp"

#include "agent/campaign/campaign_settings.hpp"
#include "core/task_file.hpp"

namespace kw::agent {

std::filesystem::path task_folder_of(const CampaignRow& campaign) {
    const auto stored = settings_from_json(campaign.settings_json);
    return stored ? stored->task_folder : std::filesystem::path{};
}

Result<Task> find_stored_task(
    const std::string& name,
    const std::filesystem::path& folder,
    const std::vector<std::filesystem::path>& roots) {
    std::error_code ec;
    if (!folder.empty() && std::filesystem::exists(folder / "task.toml", ec)) {
        KW_TRY_ASSIGN(Task task, load_task(folder));
        if (task.name == name) {
            return task;
        }
    }
    return find_task(name, roots);
}

}  // namespace kw::agent
