// SPDX-License-Identifier: Apache-2.0
// Settings as they are stored with a campaign: everything that resume needs.
#pragma once

#include "agent/campaign/campaign.hpp"
#include "agent/search/preset.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace kw::agent {

/// A kernel of the board, as it was when the campaign began.
struct BoardKernel {
    std::string hash;    ///< of the candidate; "" = none
    double speedup = 0;  ///< over the fastest baseline of its task
    bool modelled = false;
};

struct StoredSettings {
    CampaignSettings settings;
    std::filesystem::path task_folder;
    std::string prompts_version;
    double elapsed_s = 0;  ///< wall time of all sessions until the last stored evaluation
    std::vector<BoardKernel> examples;  ///< shown in prompts
    BoardKernel foreign;                ///< carried over in the first step
};

[[nodiscard]] std::string to_json(const StoredSettings& stored);
/// Errc::database when the text is not what to_json() writes.
[[nodiscard]] Result<StoredSettings> settings_from_json(const std::string& text);

/// Takes name, text, width, depth and discount of the preset.
void adopt(const StrategyPreset& preset, CampaignSettings& settings);

/// The preset that the settings mean: the stored text, a file, or a shipped one by name.
[[nodiscard]] Result<StrategyPreset> preset_of(
    const CampaignSettings& settings, const std::filesystem::path& prompts_dir);

/// Ranges of width, depth, gamma. Errc::usage.
[[nodiscard]] Result<void> check_settings(const CampaignSettings& settings);

}  // namespace kw::agent
