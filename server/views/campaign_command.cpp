// SPDX-License-Identifier: Apache-2.0
#include "server/views/campaign_command.hpp"

#include "agent/campaign/campaign_settings.hpp"
#include "core/shell_word.hpp"

#include <nlohmann/json.hpp>

#include <utility>
#include <vector>

namespace kw::server {

namespace {

using Options = std::vector<std::pair<std::string, std::string>>;

/// "0.05", not "0.050000000000000003".
std::string number(double value) {
    return nlohmann::json(value).dump();
}

Options search_options(const agent::CampaignSettings& settings) {
    Options options;
    // Points and recorded replies come in an order of their own: no strategy can be asked for.
    const bool ordered = settings.proposer == "tune" || settings.proposer.starts_with("replay:");
    if (!ordered) {
        options = {
            {"--strategy", settings.strategy},
            {"--width", std::to_string(settings.width)},
            {"--depth", std::to_string(settings.depth)},
            {"--gamma", number(settings.gamma)}};
    }
    options.emplace_back("--seed", std::to_string(settings.search_seed));
    if (!settings.hint.empty()) {
        options.emplace_back("--hint", settings.hint);
    }
    return options;
}

Options budget_options(const agent::Budget& budget) {
    Options options{{"--max-evals", std::to_string(budget.max_evals)}};
    if (budget.max_usd > 0) {
        options.emplace_back("--max-usd", number(budget.max_usd));
    }
    if (budget.max_tokens > 0) {
        options.emplace_back("--max-tokens", std::to_string(budget.max_tokens));
    }
    if (budget.max_seconds > 0) {
        options.emplace_back("--max-time", number(budget.max_seconds));
    }
    if (budget.max_device_seconds > 0) {
        options.emplace_back("--max-device-time", number(budget.max_device_seconds));
    }
    return options;
}

}  // namespace

std::string campaign_command(const CampaignRow& campaign) {
    Options options{
        {"--name", campaign.name},
        {"--device", campaign.device},
        {"--proposer", campaign.proposer}};
    const auto stored = agent::settings_from_json(campaign.settings_json);
    if (stored) {
        const agent::CampaignSettings& settings = stored->settings;
        options.back().second = settings.proposer;
        if (campaign.target == "cpu" && settings.isa != "native") {
            options.emplace_back("--isa", settings.isa);
        }
        for (const Options& more : {search_options(settings), budget_options(settings.budget)}) {
            options.insert(options.end(), more.begin(), more.end());
        }
        if (settings.judge_cap_s > 0) {
            options.emplace_back("--judge-cap", number(settings.judge_cap_s));
        }
    }
    std::string line = "kwright run " + shell_word(campaign.task);
    for (const auto& [option, value] : options) {
        line += " " + option + " " + shell_word(value);
    }
    return line;
}

}  // namespace kw::server
