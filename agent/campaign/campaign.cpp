// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/campaign.hpp"

#include "agent/campaign/assembly.hpp"
#include "agent/campaign/campaign_task.hpp"
#include "agent/observation/observation.hpp"
#include "agent/proposers/proposers.hpp"
#include "agent/text.hpp"
#include "core/config.hpp"

namespace kw::agent {

namespace {

/// Without a prompt for a proposer that reads none.
Result<ProposeRequest> first_request(
    const Assembly& parts, const Task& task, const CampaignContext& context) {
    ProposeRequest first;
    if (!parts.proposer->wants_prompt()) {
        return first;
    }
    const History nothing;
    Advice advice;
    advice.examples = parts.advice.examples;
    const std::string header = prompt_header(task, context.device.id());
    const ObservationInput input{
        task,
        nothing,
        header,
        context.machine_facts.empty() ? context.device.description() : context.machine_facts,
        parts.settings.isa,
        parts.settings.hint,
        1,
        parts.settings.width,
        context.device.id(),
        context.device.arch(),
        parts.advice.sections,
        advice};
    KW_TRY_ASSIGN(const Prompt prompt, build_prompt(parts.prompts, input, {}, parts.start.source));
    first.system = prompt.system;
    first.prompt = prompt.text;
    return first;
}

Result<CampaignSummary> run_loop(
    StoredSettings stored,
    const Task& task,
    CampaignContext& context,
    Assembly& parts,
    CampaignRow row) {
    CampaignContext serial{
        context.device,
        context.store,
        *parts.events,
        context.clock,
        context.stop,
        context.prompts_dir,
        context.task_roots,
        context.machine_facts,
        context.models,
        context.machine,
        context.evaluator};
    CampaignLoop loop(
        std::move(stored),
        task,
        serial,
        {*parts.proposer, *parts.strategy, parts.prompts, parts.start, parts.advice},
        std::move(row));
    return loop.run();
}

void warn(CampaignContext& context, const CampaignRow& row, const std::string& text) {
    if (text.empty()) {
        return;
    }
    Event warning;
    warning.type = EventType::warning;
    warning.utc_ms = context.clock.utc_ms();
    warning.campaign = row.name;
    warning.task = row.task;
    warning.text = text;
    context.events.on_event(warning);
}

std::string budget_text(const Budget& budget) {
    std::string out;
    const auto add = [&](const std::string& part) {
        out += (out.empty() ? "" : ", ") + part;
    };
    if (budget.max_evals > 0) {
        add(std::to_string(budget.max_evals) + " evaluations");
    }
    if (budget.max_usd > 0) {
        add(figure(budget.max_usd, 2) + " USD");
    }
    if (budget.max_tokens > 0) {
        add(std::to_string(budget.max_tokens) + " tokens");
    }
    if (budget.max_seconds > 0) {
        add(figure(budget.max_seconds / 60, 1) + " min");
    }
    if (budget.max_device_seconds > 0) {
        add(figure(budget.max_device_seconds / 60, 1) + " min of judging");
    }
    return out;
}

std::string duration_text(double seconds) {
    return seconds < 120 ? figure(seconds, 0) + " s" : figure(seconds / 60, 0) + " min";
}

/// Worst case: every judgement takes its cap, every call its longest reply.
std::string estimate_text(
    const CampaignSettings& settings,
    const Task& task,
    const Proposer& proposer,
    const ProposeRequest& first) {
    std::string out = "at most " + budget_text(settings.budget);
    const double cap = settings.judge_cap_s > 0 ? settings.judge_cap_s : task.judge_cap_s;
    if (settings.budget.max_evals > 0) {
        const double calls = settings.budget.max_evals - 1;
        out += "; up to " + duration_text(cap * settings.budget.max_evals) + " of judging";
        const auto tokens = static_cast<double>(proposer.worst_case_tokens(first));
        if (tokens > 0) {
            out += ", up to " + figure(tokens * calls / 1e6, 1) + " M tokens";
            const double usd = proposer.worst_case_usd(first);
            out += usd >= 0 ? ", up to " + figure(usd * calls, 2) + " USD"
                            : ", price of the model not known";
        }
    }
    return out;
}

std::vector<std::string> plan_lines(
    const CampaignSettings& settings, const Task& task, const Device& device) {
    int timed = 0;
    for (const Case& one : task.cases) {
        timed += one.timed ? 1 : 0;
    }
    const std::string target = target_of_device(device.id());
    std::string baselines;
    for (const Baseline& baseline : baselines_of(task, target)) {
        baselines += (baselines.empty() ? "" : ", ") + baseline.name;
    }
    return {
        "task      " + task.name + ": " + task.title,
        "cases     " + std::to_string(task.cases.size()) + " public (" + std::to_string(timed) +
            " timed), " + std::to_string(task.hidden.count) + " hidden",
        "device    " + device.description() +
            (target == "cpu" ? ", code for " + settings.isa : "") +
            (device_models(device.id()) ? "; none is measured" : ""),
        "baselines " + (baselines.empty() ? "none" : baselines),
        "search    " + settings.proposer + ", " + settings.strategy + ", budget " +
            budget_text(settings.budget)};
}

}  // namespace

Result<void> check_target(const Task& task, const std::string& target) {
    if (has_target(task, target)) {
        return {};
    }
    std::string targets;
    for (const std::string& one : task.targets) {
        targets += (targets.empty() ? "" : ", ") + one;
    }
    return Error{
        Errc::usage,
        "task " + task.name + " has no target " + target + ", it has: " + targets,
        task.targets.empty() ? "see kwright task list"
                             : "pass --target " + task.targets.front() +
                                   ", or see kwright task list for other tasks"};
}

Result<Plan> plan_campaign(
    const CampaignSettings& settings, const Task& task, CampaignContext& context) {
    KW_TRY_ASSIGN(const Assembly parts, assemble(settings, task, context, nullptr));
    KW_TRY_ASSIGN(const ProposeRequest first, first_request(parts, task, context));
    Plan plan;
    plan.lines = plan_lines(parts.settings, task, context.device);
    plan.first_prompt = first.prompt.empty() ? "" : whole_prompt(first);
    plan.estimate = estimate_text(parts.settings, task, *parts.proposer, first);
    return plan;
}

Result<CampaignSummary> run_campaign(
    const CampaignSettings& settings, const Task& task, CampaignContext& context) {
    KW_TRY_ASSIGN(Assembly parts, assemble(settings, task, context, nullptr));
    KW_TRY_ASSIGN(const ProposeRequest first, first_request(parts, task, context));
    StoredSettings stored{
        parts.settings, task.folder, parts.prompts.version, 0, parts.examples, parts.foreign};
    stored.settings.evaluator = context.evaluator;
    CampaignRow row;
    row.name = settings.name.empty() ? task.name : settings.name;
    row.task = task.name;
    row.device = context.device.id();
    row.target = target_of_device(row.device);
    row.task_hash = hash_for(task, row.target);
    row.strategy = parts.settings.strategy;
    row.proposer = settings.proposer;
    row.settings_json = to_json(stored);
    row.state = "running";
    row.created_ms = context.clock.utc_ms();
    row.updated_ms = row.created_ms;
    KW_TRY_ASSIGN(row, context.store.create_campaign(std::move(row)));
    warn(context, row, parts.warning);
    Event estimated;
    estimated.type = EventType::estimated;
    estimated.utc_ms = context.clock.utc_ms();
    estimated.campaign = row.name;
    estimated.task = row.task;
    estimated.max_evals = settings.budget.max_evals;
    estimated.text = estimate_text(parts.settings, task, *parts.proposer, first);
    context.events.on_event(estimated);
    return run_loop(std::move(stored), task, context, parts, std::move(row));
}

Result<std::string> evaluator_of(const CampaignRow& row) {
    KW_TRY_ASSIGN(const StoredSettings stored, settings_from_json(row.settings_json));
    return stored.settings.evaluator;
}

Result<CampaignSummary> resume_campaign(
    const std::string& name, const Budget* budget_change, CampaignContext& context) {
    const auto change = [&](Budget& budget) -> Result<void> {
        budget = budget_change != nullptr ? *budget_change : budget;
        return {};
    };
    return resume_campaign(name, change, context);
}

Result<CampaignSummary> resume_campaign(
    const std::string& name,
    const std::function<Result<void>(Budget&)>& change,
    CampaignContext& context) {
    KW_TRY_ASSIGN(const std::optional<CampaignRow> found, context.store.campaign(name));
    if (!found) {
        KW_TRY_ASSIGN(const std::vector<CampaignRow> all, context.store.campaigns());
        std::vector<std::string> names;
        for (const CampaignRow& row : all) {
            names.push_back(row.name);
        }
        const auto near = did_you_mean(name, names);
        return Error{
            Errc::usage,
            "resuming " + name + ": no such campaign",
            near ? "did you mean " + *near + "?" : "kwright campaign list shows them"};
    }
    if (found->device != context.device.id()) {
        return Error{
            Errc::usage,
            "resuming " + name + ": it runs on " + found->device + ", not on " +
                context.device.id(),
            "times of two devices cannot be compared; kwright resume " + name +
                " opens the right one by itself"};
    }
    KW_TRY_ASSIGN(StoredSettings stored, settings_from_json(found->settings_json));
    KW_TRY(change(stored.settings.budget));
    KW_TRY_ASSIGN(
        const Task task, find_stored_task(found->task, stored.task_folder, context.task_roots));
    if (!is_same_task(task, found->target, found->task_hash)) {
        return Error{
            Errc::usage,
            "resuming " + name + ": the files of task " + task.name +
                " have changed since it began",
            "undo the change in " + task.folder.string() + ", or start a new campaign"};
    }
    stored.settings.name = found->name;
    KW_TRY_ASSIGN(Assembly parts, assemble(stored.settings, task, context, &stored));
    stored.settings = parts.settings;
    stored.settings.evaluator = context.evaluator;
    return run_loop(std::move(stored), task, context, parts, *found);
}

}  // namespace kw::agent
