// SPDX-License-Identifier: Apache-2.0
// A campaign: the state machine that asks a proposer, judges, stores, and lets a strategy choose
// the next parent. The front of agent/ for cli and server. Everything is on disk before it matters,
// so that kill -9 at any instant loses at most the step in flight and resume_campaign() goes on.
#pragma once

#include "agent/models/model_config.hpp"
#include "core/clock.hpp"
#include "core/event.hpp"
#include "core/result.hpp"
#include "core/rows.hpp"
#include "db/store.hpp"
#include "evaluator/device/cpu/calibration.hpp"
#include "evaluator/evaluator.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kw::agent {

/// Hard limits, checked before each call. 0 = no limit of that kind; at least one must be set.
struct Budget {
    int max_evals = 40;
    double max_usd = 0;
    std::int64_t max_tokens = 0;
    double max_seconds = 0;         ///< wall time
    double max_device_seconds = 0;  ///< judging
};

/// The run of a suite that a campaign is part of (suite.hpp).
struct SuiteShare {
    std::string run;                 ///< its campaigns are called RUN.TASK
    std::vector<std::string> tasks;  ///< of all of its campaigns
    Budget budget;                   ///< of all of them together
};

struct CampaignSettings {
    std::string name;               ///< wanted name; "" = task name
    std::string proposer = "tune";  ///< tune | openai:MODEL | anthropic:MODEL | exchange:DIR |
                                    ///< command:CMD | replay:FILE | openai:A,anthropic:B
    std::string strategy;       ///< preset: name or file; "" = maxcode, the tuner's own for tune
    std::string strategy_text;  ///< the preset's TOML, which then decides; "" = read `strategy`
    std::string isa = "native";
    int width = 4;        ///< proposals a step (W)
    int depth = 8;        ///< steps (D)
    double gamma = 0.95;  ///< discount of the max-reward state
    Budget budget;
    double judge_cap_s = 0;         ///< seconds a judgement; 0 = the task's own
    int max_pairs = 300;            ///< timed pairs of calls a shape
    std::uint64_t search_seed = 1;  ///< of the tuner and of the strategy's draws
    std::string hint;               ///< one line of the user's, quoted in each prompt
    double exchange_wait_s = 3600;  ///< how long an exchange prompt waits for its answer
    std::optional<SuiteShare> suite = {};
    std::string evaluator;  ///< address of the server that judges; "" = the campaign's own machine
};

/// Set from a signal handler. 1 = finish what is being judged, save, stop; 2 = abandon it.
struct StopControl {
    std::atomic<int> level{0};
};

struct CampaignSummary {
    CampaignRow row;
    int evaluations = 0;         ///< all of the campaign
    std::string best_candidate;  ///< "" = none accepted
    Ratio best_speedup;
    std::string stop_reason;  ///< "budget: evaluations" | "interrupted" | "search finished" | ...
    bool interrupted = false;
};

struct CampaignContext {
    Device& device;
    db::Store& store;
    EventSink& events;
    Clock& clock;
    StopControl& stop;
    std::filesystem::path prompts_dir;
    std::vector<std::filesystem::path> task_roots;
    std::string machine_facts;  ///< lines for prompts: caches, bandwidths, peaks, instruction sets;
                                ///< "" = Device::description() alone
    ModelConfig models;         ///< how model APIs are reached and priced
    const cpu::Calibration* machine = nullptr;  ///< of the device, for critics and patterns
    std::string evaluator = {};  ///< where the device is: address of a server; "" = here. Stored,
                                 ///< so that resume finds it again
};

/// Errc::usage naming the targets the task has, when `target` is not among them.
[[nodiscard]] Result<void> check_target(const Task& task, const std::string& target);

/// What `run --dry-run` and the head of `run` show.
struct Plan {
    std::vector<std::string> lines;  ///< task, cases, device, baselines, floor
    std::string estimate;            ///< evaluations, minutes, tokens, USD where known
    std::string first_prompt;
};
[[nodiscard]] Result<Plan> plan_campaign(
    const CampaignSettings& settings, const Task& task, CampaignContext& context);

[[nodiscard]] Result<CampaignSummary> run_campaign(
    const CampaignSettings& settings, const Task& task, CampaignContext& context);

/// Goes on with a stored campaign with other limits; a changed task folder and another device than
/// the campaign's are refused. Null: the stored limits.
[[nodiscard]] Result<CampaignSummary> resume_campaign(
    const std::string& name, const Budget* budget_change, CampaignContext& context);

/// The same with the stored limits as `change` leaves them.
[[nodiscard]] Result<CampaignSummary> resume_campaign(
    const std::string& name,
    const std::function<Result<void>(Budget&)>& change,
    CampaignContext& context);

/// The address that the campaign was judged at last; "" = its own machine.
[[nodiscard]] Result<std::string> evaluator_of(const CampaignRow& row);

/// Writes the campaign's replies as a cassette (JSON Lines, docs/json.md), replies unedited.
[[nodiscard]] Result<void> export_cassette(
    const std::string& campaign, db::Store& store, const std::filesystem::path& to);

/// A user's own file, judged and stored: `verify --submit`. One that would be the best of the
/// task's submissions is judged twice; the row is that of the judging that counts.
[[nodiscard]] Result<EvaluationRow> submit_candidate(
    const Task& task,
    const Candidate& candidate,
    CampaignContext& context,
    const JudgeOptions& options);

}  // namespace kw::agent
