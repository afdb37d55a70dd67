// SPDX-License-Identifier: Apache-2.0
// A campaign's parts, made from its settings. For campaign.cpp.
#pragma once

#include "agent/campaign/campaign_loop.hpp"
#include "agent/campaign/campaign_settings.hpp"

#include <memory>
#include <string>
#include <vector>

namespace kw::agent {

/// Everything that owns what CampaignParts refers to.
struct Assembly {
    std::unique_ptr<EventSink> events;  ///< one at a time, from any thread
    CampaignSettings settings;          ///< names resolved
    std::unique_ptr<Proposer> proposer;
    std::unique_ptr<Strategy> strategy;
    PromptBook prompts;
    StartSource start;
    AdviceParts advice;
    std::unique_ptr<PatternBook> patterns;  ///< what `advice` reads
    std::vector<BoardKernel> examples;
    BoardKernel foreign;
    std::string warning;  ///< for the user, once
};

/// `stored`: of a campaign that goes on; null: one that begins.
[[nodiscard]] Result<Assembly> assemble(
    const CampaignSettings& settings,
    const Task& task,
    CampaignContext& context,
    const StoredSettings* stored);

}  // namespace kw::agent
