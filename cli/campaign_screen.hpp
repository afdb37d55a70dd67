// SPDX-License-Identifier: Apache-2.0
// What run, resume and demo show around a campaign: plan before, summary and next steps after.
#pragma once

#include "agent/campaign/campaign.hpp"
#include "cli/command.hpp"
#include "cli/console.hpp"
#include "cli/progress.hpp"

#include <memory>

namespace kw::cli {

struct Sinks {
    explicit Sinks(Console& console)
        : progress(console) {}
    ProgressSink progress;
    std::unique_ptr<JsonLinesSink> lines;
    EventStream stream;
};
/// The screen, and the file of --events. An unwritable file is Errc::environment.
[[nodiscard]] Result<std::unique_ptr<Sinks>> open_sinks(
    const Invocation& invocation, Console& console);

void show_plan(const agent::Plan& plan, Console& console);
/// Prints the summary; 0, or 130 when the user stopped it.
[[nodiscard]] int finish_campaign(
    const agent::CampaignSummary& summary, const Invocation& invocation, Console& console);

}  // namespace kw::cli
