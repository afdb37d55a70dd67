// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/campaign.hpp"

#include "agent/campaign/campaign_loop.hpp"
#include "agent/observation/observation.hpp"
#include "agent/proposers/cassette.hpp"
#include "agent/proposers/proposers.hpp"
#include "agent/text.hpp"
#include "core/config.hpp"
#include "core/task_file.hpp"
#include "core/text_file.hpp"

#include <mutex>

namespace kw::agent {

namespace {

/// Events of the campaign's thread and of model calls in flight reach the sinks one at a time.
class SerialEvents final : public EventSink {
public:
    explicit SerialEvents(EventSink& to)
        : to_(to) {}
    void on_event(const Event& event) override {
        const std::lock_guard guard(mutex_);
        to_.on_event(event);
    }

private:
    EventSink& to_;
    std::mutex mutex_;
};

/// Everything that owns what CampaignParts refers to.
struct Assembly {
    std::unique_ptr<SerialEvents> events;
    CampaignSettings settings;  ///< names resolved
    std::unique_ptr<Proposer> proposer;
    std::unique_ptr<Strategy> strategy;
    PromptBook prompts;
    StartSource start;
    AdviceParts advice;
    std::unique_ptr<PatternBook> patterns;  ///< what `advice` reads
    std::string warning;                    ///< for the user, once
};

Result<StartSource> start_of(const Task& task, const std::string& target) {
    StartSource start;
    if (const auto& seed = seed_of(task, target); !seed.empty()) {
        start.origin = "seed";
        KW_TRY_ASSIGN(start.source, read_text_file(seed));
    } else if (const auto& baselines = baselines_of(task, target); !baselines.empty()) {
        start.origin = "baseline";
        KW_TRY_ASSIGN(start.source, read_text_file(baselines.front().file));
    }
    return start;
}

/// Modelled and measured times are not comparable; another architecture is other code.
std::string replay_warning(
    const Cassette& cassette, const Task& task, const std::string& device_id) {
    std::string text;
    if (!is_same_task(task, target_of_device(device_id), cassette.task_hash)) {
        text = "the task has changed since the cassette was recorded";
    }
    if (!cassette.device.empty() && cassette.device != device_id) {
        text += (text.empty() ? "the cassette was recorded on " : "; it was recorded on ") +
                cassette.device + ", not " + device_id;
    }
    return text;
}

/// The cassette decides the strategy and, unless the user chose one, the instruction set.
Result<void> assemble_replay(
    const std::string& file, const Task& task, const std::string& device_id, Assembly& parts) {
    KW_TRY_ASSIGN(const Cassette cassette, load_cassette(file));
    parts.strategy = make_replay_strategy(cassette);
    parts.settings.strategy = parts.strategy->name();
    parts.settings.strategy_text.clear();
    if (parts.settings.isa == "native" && !cassette.isa.empty()) {
        parts.settings.isa = cassette.isa;
    }
    parts.warning = replay_warning(cassette, task, device_id);
    return {};
}

/// What the preset names besides the search.
Result<void> assemble_advice(
    const StrategyPreset& preset, const CampaignContext& context, Assembly& parts) {
    KW_TRY_ASSIGN(PatternBook patterns, load_patterns({context.prompts_dir / "patterns"}));
    parts.patterns = std::make_unique<PatternBook>(std::move(patterns));
    parts.advice = {
        sections_of(preset), preset.critic, preset.value, parts.patterns.get(), context.machine};
    return {};
}

/// A limit that no candidate fits in is a mistake.
Result<void> check_device_time(const CampaignSettings& settings, const Task& task) {
    const double cap = settings.judge_cap_s > 0 ? settings.judge_cap_s : task.judge_cap_s;
    const double least = k_judgings_reserved * cap;
    if (settings.budget.max_device_seconds > 0 && settings.budget.max_device_seconds < least) {
        return Error{
            Errc::usage,
            "the limit on device time, " + figure(settings.budget.max_device_seconds, 0) +
                " s, is less than one candidate may take: two judgements of " + figure(cap, 0) +
                " s",
            "raise --max-device-time or lower --judge-cap"};
    }
    return {};
}

Result<Assembly> assemble(
    const CampaignSettings& settings, const Task& task, CampaignContext& context) {
    KW_TRY(check_settings(settings));
    const std::string device_id = context.device.id();
    const std::string target = target_of_device(device_id);
    KW_TRY(check_target(task, target));
    Assembly parts;
    parts.settings = settings;
    const ProposerSpec spec = split_spec(settings.proposer);
    parts.events = std::make_unique<SerialEvents>(context.events);
    EventSink& events = *parts.events;
    Clock& clock = context.clock;
    const auto on_retry = [&events, &clock](
                              const ProposeRequest& request, const std::string& text) {
        Event retry;
        retry.type = EventType::retry;
        retry.utc_ms = clock.utc_ms();
        retry.campaign = request.campaign;
        retry.step = request.step;
        retry.slot = request.slot;
        retry.text = text;
        events.on_event(retry);
    };
    const ProposerOptions options{
        context.clock,
        task,
        context.models,
        settings.exchange_wait_s,
        settings.search_seed,
        on_retry,
        target};
    KW_TRY_ASSIGN(parts.proposer, make_proposer(settings.proposer, options));
    if (spec.kind == "replay") {
        KW_TRY(assemble_replay(spec.rest, task, device_id, parts));
    } else {
        KW_TRY_ASSIGN(const StrategyPreset preset, preset_of(settings, context.prompts_dir));
        parts.settings.strategy = preset.name;
        parts.settings.strategy_text = preset.text;
        parts.strategy =
            make_strategy(preset, {settings.width, settings.depth, settings.search_seed});
        KW_TRY(assemble_advice(preset, context, parts));
    }
    KW_TRY(check_budget(settings.budget, parts.proposer->worst_case_usd({}) >= 0));
    KW_TRY(check_device_time(settings, task));
    KW_TRY_ASSIGN(parts.prompts, load_prompts(context.prompts_dir, target));
    KW_TRY_ASSIGN(parts.start, start_of(task, target));
    return parts;
}

/// Without a prompt for a proposer that reads none.
Result<ProposeRequest> first_request(
    const Assembly& parts, const Task& task, const CampaignContext& context) {
    ProposeRequest first;
    if (!parts.proposer->wants_prompt()) {
        return first;
    }
    const History nothing;
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
        parts.advice.sections};
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
        context.machine};
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
    KW_TRY_ASSIGN(const Assembly parts, assemble(settings, task, context));
    KW_TRY_ASSIGN(const ProposeRequest first, first_request(parts, task, context));
    Plan plan;
    plan.lines = plan_lines(parts.settings, task, context.device);
    plan.first_prompt = first.prompt.empty() ? "" : whole_prompt(first);
    plan.estimate = estimate_text(parts.settings, task, *parts.proposer, first);
    return plan;
}

Result<CampaignSummary> run_campaign(
    const CampaignSettings& settings, const Task& task, CampaignContext& context) {
    KW_TRY_ASSIGN(Assembly parts, assemble(settings, task, context));
    KW_TRY_ASSIGN(const ProposeRequest first, first_request(parts, task, context));
    StoredSettings stored{parts.settings, task.folder, parts.prompts.version, 0};
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
    std::error_code ec;
    const bool there = std::filesystem::exists(stored.task_folder / "task.toml", ec);
    KW_TRY_ASSIGN(
        const Task task,
        there ? load_task(stored.task_folder) : find_task(found->task, context.task_roots));
    if (!is_same_task(task, found->target, found->task_hash)) {
        return Error{
            Errc::usage,
            "resuming " + name + ": the files of task " + task.name +
                " have changed since it began",
            "undo the change in " + task.folder.string() + ", or start a new campaign"};
    }
    stored.settings.name = found->name;
    KW_TRY_ASSIGN(Assembly parts, assemble(stored.settings, task, context));
    stored.settings = parts.settings;
    return run_loop(std::move(stored), task, context, parts, *found);
}

}  // namespace kw::agent
