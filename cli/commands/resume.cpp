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
    const bool changed = invocation.has("max-evals") || invocation.has("max-usd") ||
                         invocation.has("max-tokens") || invocation.has("max-time");
    agent::Budget budget;
    KW_TRY_ASSIGN(const std::int64_t evals, invocation.integer("max-evals", 0));
    KW_TRY_ASSIGN(budget.max_usd, invocation.number("max-usd", 0));
    KW_TRY_ASSIGN(budget.max_tokens, invocation.integer("max-tokens", 0));
    KW_TRY_ASSIGN(budget.max_seconds, invocation.number("max-time", 0));
    budget.max_evals = static_cast<int>(evals);
    KW_TRY_ASSIGN(
        const agent::CampaignSummary summary,
        agent::resume_campaign(name, changed ? &budget : nullptr, workshop->context));
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
         "new limit of evaluations, those done included; other limits become none",
         "",
         false,
         "Budget",
         {}},
        {"--max-usd", "X", "new limit in dollars", "", false, "Budget", {}},
        {"--max-tokens", "N", "new limit of tokens", "", false, "Budget", {}},
        {"--max-time", "S", "new limit in seconds", "", false, "Budget", {}},
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
