// SPDX-License-Identifier: Apache-2.0
#include "cli/campaign_screen.hpp"
#include "cli/commands/commands.hpp"
#include "cli/context.hpp"

namespace kw::cli {
namespace {

Result<int> resume(const Invocation& invocation, Console& console) {
    const std::string name = invocation.text("CAMPAIGN");
    KW_TRY_ASSIGN(const auto sinks, open_sinks(invocation, console));
    KW_TRY_ASSIGN(const auto workshop, open_workshop_of(name, invocation.config, sinks->stream));
    const auto change = [&](agent::Budget& budget) -> Result<void> {
        KW_TRY_ASSIGN(const auto evals, invocation.integer("max-evals", budget.max_evals));
        KW_TRY_ASSIGN(budget.max_usd, invocation.number("max-usd", budget.max_usd));
        KW_TRY_ASSIGN(budget.max_tokens, invocation.integer("max-tokens", budget.max_tokens));
        KW_TRY_ASSIGN(budget.max_seconds, invocation.number("max-time", budget.max_seconds));
        KW_TRY_ASSIGN(
            budget.max_device_seconds,
            invocation.number("max-device-time", budget.max_device_seconds));
        budget.max_evals = static_cast<int>(evals);
        return {};
    };
    KW_TRY_ASSIGN(
        const agent::CampaignSummary summary,
        agent::resume_campaign(name, change, workshop->context));
    return finish_campaign(summary, invocation, console);
}

}  // namespace

CommandSpec resume_command() {
    CommandSpec spec;
    spec.name = "resume";
    spec.group = "Search";
    spec.summary = "go on with a campaign that was stopped or killed";
    spec.examples = {"kwright resume w4a16_gemv", "kwright resume w4a16_gemv --max-evals 200"};
    spec.positionals = {
        {"CAMPAIGN", "name, as `kwright campaign list` shows it", true, false, "campaign"}};
    spec.options = {
        {"--max-evals",
         "N",
         "new limit of evaluations, those done included; limits not named stay",
         "",
         false,
         "Budget",
         {}},
        {"--max-usd", "X", "new limit in dollars", "", false, "Budget", {}},
        {"--max-tokens", "N", "new limit of tokens", "", false, "Budget", {}},
        {"--max-time", "S", "new limit in seconds", "", false, "Budget", {}},
        {"--max-device-time", "S", "new limit of judging in seconds", "", false, "Budget", {}},
        {"--events",
         "FILE",
         "append every event as a JSON line; - = stdout",
         "",
         false,
         "Output",
         {}},
    };
    spec.run = resume;
    return spec;
}

}  // namespace kw::cli
