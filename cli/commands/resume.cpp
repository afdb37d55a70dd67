// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/suite.hpp"
#include "cli/campaign_screen.hpp"
#include "cli/commands/commands.hpp"
#include "cli/context.hpp"
#include "cli/suite_screen.hpp"

#include <optional>
#include <utility>

namespace kw::cli {
namespace {

/// The limits that are named; the others stay.
Result<void> change_budget(const Invocation& invocation, agent::Budget& budget) {
    KW_TRY_ASSIGN(const auto evals, invocation.integer("max-evals", budget.max_evals));
    KW_TRY_ASSIGN(budget.max_usd, invocation.number("max-usd", budget.max_usd));
    KW_TRY_ASSIGN(budget.max_tokens, invocation.integer("max-tokens", budget.max_tokens));
    KW_TRY_ASSIGN(budget.max_seconds, invocation.number("max-time", budget.max_seconds));
    KW_TRY_ASSIGN(
        budget.max_device_seconds, invocation.number("max-device-time", budget.max_device_seconds));
    budget.max_evals = static_cast<int>(evals);
    return {};
}

/// The run of a suite that is called `name`, unless a campaign is.
Result<std::optional<agent::StoredSuite>> suite_called(
    const std::string& name, const Config& config) {
    KW_TRY_ASSIGN(db::Store store, open_store(config, db::Access::write));
    KW_TRY_ASSIGN(const std::optional<CampaignRow> campaign, store.campaign(name));
    return campaign ? std::optional<agent::StoredSuite>{} : agent::stored_suite(name, store);
}

Result<int> resume_suite(
    agent::StoredSuite stored, const Invocation& invocation, Console& console) {
    KW_TRY(change_budget(invocation, stored.settings.campaign.budget));
    KW_TRY_ASSIGN(const auto sinks, open_sinks(invocation, console));
    KW_TRY_ASSIGN(
        const auto workshop, open_workshop(invocation.config, sinks->stream, stored.device));
    KW_TRY_ASSIGN(
        const agent::SuiteSummary summary,
        agent::run_suite(stored.suite, stored.settings, workshop->context));
    return finish_suite(summary, invocation, console);
}

Result<int> resume(const Invocation& invocation, Console& console) {
    const std::string name = invocation.text("CAMPAIGN");
    KW_TRY_ASSIGN(std::optional<agent::StoredSuite> suite, suite_called(name, invocation.config));
    if (suite) {
        return resume_suite(std::move(*suite), invocation, console);
    }
    KW_TRY_ASSIGN(const auto sinks, open_sinks(invocation, console));
    KW_TRY_ASSIGN(const auto workshop, open_workshop_of(name, invocation.config, sinks->stream));
    const auto change = [&](agent::Budget& budget) {
        return change_budget(invocation, budget);
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
    spec.summary = "go on with a campaign, or a suite's run, that was stopped or killed";
    spec.examples = {
        "kwright resume w4a16_gemv",
        "kwright resume w4a16_gemv --max-evals 200",
        "kwright resume core"};
    spec.positionals = {
        {"CAMPAIGN",
         "name, as `kwright campaign list` shows it, or that of a suite's run",
         true,
         false,
         "campaign"}};
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
        {"--evaluator",
         "URL",
         "the server whose workers judge, where its address has changed",
         "evaluator.url",
         false,
         "Evaluation",
         {}},
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
