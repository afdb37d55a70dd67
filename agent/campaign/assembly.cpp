// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/assembly.hpp"

#include "agent/budget/ledger.hpp"
#include "agent/campaign/board_kernels.hpp"
#include "agent/observation/sections.hpp"
#include "agent/proposers/cassette.hpp"
#include "agent/proposers/proposers.hpp"
#include "agent/text.hpp"
#include "core/text_file.hpp"

#include <mutex>
#include <utility>

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

/// Kernels of the board: those that `stored` names, else what the board has now.
Result<void> assemble_board(
    const StrategyPreset& preset,
    const Task& task,
    CampaignContext& context,
    const StoredSettings* stored,
    Assembly& parts) {
    const std::string target = target_of_device(context.device.id());
    if (stored != nullptr) {
        parts.examples = stored->examples;
        parts.foreign = stored->foreign;
    } else if (parts.proposer->wants_prompt()) {
        if (has_section(sections_of(preset), "examples")) {
            KW_TRY_ASSIGN(
                parts.examples, choose_examples(task, target, context.store, context.task_roots));
        }
        if (preset.transpile > 0) {
            const std::string level = target == "cpu" ? parts.settings.isa : context.device.arch();
            KW_TRY_ASSIGN(parts.foreign, choose_foreign(task, target, level, context.store));
        }
    }
    KW_TRY_ASSIGN(parts.advice.examples, examples_of(parts.examples, context.store));
    KW_TRY_ASSIGN(parts.advice.foreign, foreign_of(parts.foreign, context.store));
    return {};
}

/// What the preset names: the search, and what advises it.
Result<void> assemble_preset(
    const StrategyPreset& preset,
    const Task& task,
    CampaignContext& context,
    const StoredSettings* stored,
    Assembly& parts) {
    KW_TRY_ASSIGN(PatternBook patterns, load_patterns({context.prompts_dir / "patterns"}));
    parts.patterns = std::make_unique<PatternBook>(std::move(patterns));
    parts.advice = {
        sections_of(preset), preset.critic, preset.value, parts.patterns.get(), context.machine};
    KW_TRY(assemble_board(preset, task, context, stored, parts));
    const CampaignSettings& settings = parts.settings;
    const int transpile = parts.advice.foreign.source.empty() ? 0 : preset.transpile;
    parts.strategy =
        make_strategy(preset, {settings.width, settings.depth, settings.search_seed, transpile});
    parts.settings.strategy = preset.name;
    parts.settings.strategy_text = preset.text;
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

}  // namespace

Result<Assembly> assemble(
    const CampaignSettings& settings,
    const Task& task,
    CampaignContext& context,
    const StoredSettings* stored) {
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
        KW_TRY(assemble_preset(preset, task, context, stored, parts));
    }
    KW_TRY(check_budget(settings.budget, parts.proposer->worst_case_usd({}) >= 0));
    KW_TRY(check_device_time(settings, task));
    KW_TRY_ASSIGN(parts.prompts, load_prompts(context.prompts_dir, target));
    KW_TRY_ASSIGN(parts.start, start_of(task, target));
    return parts;
}

}  // namespace kw::agent
