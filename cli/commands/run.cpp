// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/campaign_settings.hpp"
#include "agent/campaign/suite.hpp"
#include "agent/proposers/proposers.hpp"
#include "cli/campaign_screen.hpp"
#include "cli/commands/commands.hpp"
#include "cli/console.hpp"
#include "cli/context.hpp"
#include "cli/device_choice.hpp"
#include "cli/progress.hpp"
#include "cli/suite_screen.hpp"
#include "core/clock.hpp"
#include "core/task_file.hpp"

namespace kw::cli {
namespace {

/// The strategy's preset, and what the user wants otherwise.
Result<void> choose_strategy(const Config& config, agent::CampaignSettings& settings) {
    KW_TRY_ASSIGN(
        const agent::StrategyPreset preset,
        agent::preset_of(settings, find_places(config).share_dir / "prompts"));
    agent::adopt(preset, settings);
    if (const auto width = config.integer("search.width"); width > 0) {
        settings.width = static_cast<int>(width);
    }
    if (const auto depth = config.integer("search.depth"); depth > 0) {
        settings.depth = static_cast<int>(depth);
    }
    if (const double gamma = config.number("search.gamma"); gamma > 0) {
        settings.gamma = gamma;
    }
    return {};
}

Result<agent::CampaignSettings> settings_of(const Invocation& invocation) {
    const Config& config = invocation.config;
    agent::CampaignSettings settings;
    settings.name = invocation.text("name");
    settings.proposer = invocation.text("proposer", "tune");
    // The tuner walks its own way through the parameters unless a strategy is asked for.
    settings.strategy = invocation.has("strategy") || settings.proposer != "tune"
                            ? config.text("search.strategy")
                            : "";
    settings.isa = config.text("search.isa");
    KW_TRY(choose_strategy(config, settings));
    settings.search_seed = static_cast<std::uint64_t>(config.integer("search.seed"));
    settings.budget.max_evals = static_cast<int>(config.integer("budget.max_evals"));
    settings.budget.max_usd = config.number("budget.max_usd");
    settings.budget.max_tokens = config.integer("budget.max_tokens");
    settings.budget.max_seconds = config.number("budget.max_seconds");
    settings.budget.max_device_seconds = config.number("budget.max_device_seconds");
    settings.judge_cap_s = config.number("judge.cap_s");
    settings.exchange_wait_s = config.number("exchange.wait_s");
    settings.hint = invocation.text("hint");
    return settings;
}

/// Mistakes that need no device are said before it is opened: an unknown proposer, a missing key.
Result<void> check_proposer(
    const agent::CampaignSettings& settings,
    const Task& task,
    const std::string& target,
    const Config& config) {
    KW_TRY_ASSIGN(const agent::ModelConfig models, model_config(config));
    const auto proposer =
        agent::make_proposer(settings.proposer, {system_clock(), task, models, 0, 1, {}, target});
    return proposer ? Result<void>{} : Result<void>{proposer.error()};
}

Result<int> dry_run(
    const agent::CampaignSettings& settings,
    const Task& task,
    Workshop& workshop,
    Console& console) {
    KW_TRY_ASSIGN(const agent::Plan plan, agent::plan_campaign(settings, task, workshop.context));
    show_plan(plan, console);
    console.print(plan.first_prompt);
    return 0;
}

/// The plan of every task; prompts differ by the task alone, so that the first one is enough.
Result<int> dry_run_suite(
    const agent::Suite& suite,
    const agent::CampaignSettings& settings,
    Workshop& workshop,
    Console& console) {
    console.say(
        "suite     " + suite.name + ": " + std::to_string(suite.tasks.size()) +
        " tasks share the budget, each in slices; what each could take of it:");
    std::string first_prompt;
    for (const std::string& name : suite.tasks) {
        KW_TRY_ASSIGN(const Task task, find_task(name, workshop.context.task_roots));
        KW_TRY_ASSIGN(
            const agent::Plan plan, agent::plan_campaign(settings, task, workshop.context));
        console.say("");
        show_plan(plan, console);
        first_prompt = first_prompt.empty() ? plan.first_prompt : first_prompt;
    }
    console.print(first_prompt);
    return 0;
}

Result<int> run_suite(const Invocation& invocation, Console& console) {
    KW_TRY_ASSIGN(
        const agent::Suite suite,
        agent::find_suite(invocation.text("suite"), task_roots(invocation.config)));
    agent::SuiteSettings settings;
    KW_TRY_ASSIGN(settings.campaign, settings_of(invocation));
    KW_TRY_ASSIGN(const std::string device, choose_device(invocation.config));
    const std::string target = target_of_device(device);
    for (const std::string& name : suite.tasks) {
        KW_TRY_ASSIGN(const Task task, open_task(name, invocation.config));
        KW_TRY(agent::check_target(task, target));
        KW_TRY(check_proposer(settings.campaign, task, target, invocation.config));
    }
    KW_TRY_ASSIGN(const auto sinks, open_sinks(invocation, console));
    KW_TRY_ASSIGN(
        const auto workshop,
        open_workshop(
            invocation.config, sinks->stream, device, invocation.config.text("evaluator.url")));
    if (invocation.has("dry-run")) {
        return dry_run_suite(suite, settings.campaign, *workshop, console);
    }
    KW_TRY_ASSIGN(
        const agent::SuiteSummary summary, agent::run_suite(suite, settings, workshop->context));
    return finish_suite(summary, invocation, console);
}

Result<int> run(const Invocation& invocation, Console& console) {
    if (invocation.has("suite") == invocation.has("TASK")) {
        return Error{
            Errc::usage,
            invocation.has("suite") ? "TASK and --suite exclude each other" : "TASK is required",
            "see `kwright help run`"};
    }
    if (invocation.has("suite")) {
        return run_suite(invocation, console);
    }
    KW_TRY_ASSIGN(const Task task, open_task(invocation.text("TASK"), invocation.config));
    KW_TRY_ASSIGN(const agent::CampaignSettings settings, settings_of(invocation));
    KW_TRY_ASSIGN(const std::string device, choose_device(invocation.config));
    const std::string target = target_of_device(device);
    KW_TRY(agent::check_target(task, target));
    KW_TRY(check_proposer(settings, task, target, invocation.config));
    KW_TRY_ASSIGN(const auto sinks, open_sinks(invocation, console));
    KW_TRY_ASSIGN(
        const auto workshop,
        open_workshop(
            invocation.config, sinks->stream, device, invocation.config.text("evaluator.url")));
    if (invocation.has("dry-run")) {
        return dry_run(settings, task, *workshop, console);
    }
    KW_TRY_ASSIGN(const agent::Plan plan, agent::plan_campaign(settings, task, workshop->context));
    show_plan(plan, console);
    KW_TRY_ASSIGN(
        const agent::CampaignSummary summary,
        agent::run_campaign(settings, task, workshop->context));
    return finish_campaign(summary, invocation, console);
}

}  // namespace

CommandSpec run_command() {
    CommandSpec spec;
    spec.name = "run";
    spec.group = "Search";
    spec.summary = "search for faster kernels for a task";
    spec.examples = {
        "kwright run w4a16_gemv --proposer tune --max-evals 40",
        "OPENAI_API_KEY=... kwright run w4a16_gemv --proposer openai:MODEL --max-usd 5",
        "kwright run q4_0_gemv --proposer exchange:./exchange --width 1",
        "kwright run w4a16_gemv --target cuda --proposer tune --max-evals 30",
        "kwright run w4a16_gemv --device emulated:sm_80 --proposer tune",
        "kwright run w4a16_gemv --device cuda:0 --proposer tune",
        "kwright run --suite core --proposer tune --max-evals 200"};
    spec.positionals = {
        {"TASK",
         "task name, or a path with a slash to its folder; none with --suite",
         false,
         false,
         "task"}};
    spec.options = {
        {"--proposer",
         "P",
         "who writes candidates: tune | openai:MODEL | anthropic:MODEL | exchange:DIR | "
         "command:CMD | replay:FILE; several models with commas",
         "",
         false,
         "Model",
         {}},
        {"--hint", "TEXT", "one line of advice, quoted in every prompt", "", false, "Model", {}},
        {"--suite",
         "SUITE",
         "many tasks with one budget, in place of TASK: a suite's name, or FILE.toml",
         "",
         false,
         "Options",
         {}},
        {"--name",
         "NAME",
         "name of the campaign; taken names get -2, -3, ...",
         "",
         false,
         "Options",
         {}},
        {"--strategy",
         "S",
         "FILE.toml, or: best-of-n | chain | fsr | beam | evolve | maxcode",
         "search.strategy",
         false,
         "Search",
         {}},
        {"--width",
         "W",
         "proposals a step, 0 = as the strategy says",
         "search.width",
         false,
         "Search",
         {}},
        {"--depth",
         "D",
         "steps of a trajectory, 0 = as the strategy says",
         "search.depth",
         false,
         "Search",
         {}},
        {"--gamma",
         "G",
         "discount of the max-reward state, 0 = as the strategy says",
         "search.gamma",
         false,
         "Search",
         {}},
        {"--seed", "N", "seed of the search's own draws", "search.seed", false, "Search", {}},
        {"--max-evals", "N", "evaluations, 0 = no limit", "budget.max_evals", false, "Budget", {}},
        {"--max-usd", "X", "dollars, 0 = no limit", "budget.max_usd", false, "Budget", {}},
        {"--max-tokens",
         "N",
         "tokens in and out, 0 = no limit",
         "budget.max_tokens",
         false,
         "Budget",
         {}},
        {"--max-time",
         "S",
         "seconds of wall time, 0 = no limit",
         "budget.max_seconds",
         false,
         "Budget",
         {}},
        {"--max-device-time",
         "S",
         "seconds of judging, 0 = no limit",
         "budget.max_device_seconds",
         false,
         "Budget",
         {}},
        {"--target", "T", "cpu | cuda", "search.target", false, "Evaluation", {}},
        {"--device",
         "ID",
         "cpu | emulated:sm_80 | emulated:sm_89 | emulated:sm_90a | cuda:0",
         "search.device",
         false,
         "Evaluation",
         {}},
        {"--isa",
         "LEVEL",
         "native | x86-64-v2 | x86-64-v3 | x86-64-v4",
         "search.isa",
         false,
         "Evaluation",
         {}},
        {"--evaluator",
         "URL",
         "the server whose workers judge; its token from KWRIGHT_TOKEN",
         "evaluator.url",
         false,
         "Evaluation",
         {}},
        {"--judge-cap",
         "S",
         "seconds one judgement may take, 0 = the task's own",
         "judge.cap_s",
         false,
         "Evaluation",
         {}},
        {"--dry-run", "", "show the plan and the first prompt, and stop", "", false, "Output", {}},
        {"--events",
         "FILE",
         "append every event as a JSON line; - = stdout",
         "",
         false,
         "Output",
         {}},
    };
    spec.run = run;
    return spec;
}

}  // namespace kw::cli
