// SPDX-License-Identifier: Apache-2.0
// Every row the database stores, as plain values. Hashes are 64 hex digits; times are UTC
// milliseconds.
#pragma once

#include "core/evaluation.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kw {

/// One search. `state`: planned | running | interrupted | finished | failed.
struct CampaignRow {
    std::int64_t id = 0;
    std::string name;  ///< unique in the file: "demo", "demo-2", "w4a16_gemv-1"
    std::string task;
    std::string task_hash;
    std::string target = "cpu";
    std::string device = "cpu";  ///< id, what resume opens: "cpu", "emulated:sm_90a"
    std::string strategy;        ///< preset name
    std::string proposer;        ///< "tune", "openai:model", "exchange:DIR", "replay:FILE", ...
    std::string
        settings_json;  ///< everything else that `resume` needs (budget, W, D, gamma, isa, seed)
    std::string state = "planned";
    std::string stop_reason;
    std::int64_t created_ms = 0;
    std::int64_t updated_ms = 0;
    int evaluations = 0;  ///< finished ones
    double spent_usd = 0;
    std::int64_t tokens_in = 0;
    std::int64_t tokens_out = 0;
};

/// One prompt and what came back, content-addressed.
struct ReplyRow {
    std::string hash;  ///< of (prompt hash, raw text, model label)
    std::int64_t campaign_id = 0;
    int step = 0;
    int slot = 0;
    std::string prompt_hash;
    std::string prompt;       ///< stored once per hash, zstd
    std::string raw;          ///< unedited
    std::string model;        ///< label: "exchange", "tune", "openai:gpt-..."
    std::string parent_hash;  ///< candidate that edits apply to; "" = none
    std::int64_t tokens_in = 0;
    std::int64_t tokens_out = 0;
    double usd = 0;
    double seconds = 0;
    std::int64_t created_ms = 0;
};

/// One try of a model call, reserved in the budget before it was made. `state`: reserved (in
/// flight), settled (what it cost is known), lost (the provider may have billed it, and nothing
/// came of it: charged at its reservation).
struct ModelCallRow {
    std::int64_t id = 0;
    std::int64_t campaign_id = 0;
    int step = 0;
    int slot = 0;
    std::string purpose = "proposal";  ///< "proposal", "critique", "value", ...
    std::string model;                 ///< label: "openai:gpt-..."
    std::string state = "reserved";
    std::int64_t reserved_tokens = 0;
    double reserved_usd = 0;         ///< worst case; negative = price not known
    std::int64_t tokens_in = 0;      ///< as the provider reports it, once settled
    std::int64_t tokens_cached = 0;  ///< of tokens_in, read from the provider's cache
    std::int64_t tokens_out = 0;
    double usd = 0;
    std::int64_t reserved_ms = 0;
    std::int64_t ended_ms = 0;  ///< 0 = in flight
};

struct CandidateRow {
    std::string hash;
    std::string task;
    std::string target = "cpu";
    std::string isa;     ///< code_level(): "x86-64-v3"; CUDA: "sm_90a"
    std::string source;  ///< stored zstd
    std::string token_hash;
    std::string origin;  ///< "seed" | "reply" | "tune" | "user" | "baseline"
    std::int64_t created_ms = 0;
};

/// One judging of a candidate. The first one of a (campaign, step, slot) is the evaluation, the
/// unit of the budget, and unique, so that a resumed campaign can never store one twice; what the
/// search makes of it (reward, best_discounted, new_best) stands there. Later judgings are rows of
/// their own that name the first one. The newest one in state "judged" is what counts.
struct EvaluationRow {
    std::int64_t id = 0;
    std::int64_t campaign_id = 0;
    int step = 0;
    int slot = 0;
    std::string candidate_hash;  ///< "" for NR
    std::string parent_hash;
    std::string reply_hash;
    std::string state =
        "judged";       ///< queued | waiting_device | judged | stale | unverified | revoked
    std::string note;   ///< one line of the proposer: what was tried
    double reward = 0;  ///< 0 unless accepted, else the speed-up, capped by the floor
    double best_discounted = 0;  ///< y after this evaluation
    bool new_best = false;
    Evaluation result;  ///< verdict, shapes with samples (zstd), findings, environment
    std::int64_t created_ms = 0;
    std::string task_hash;           ///< of the task as it was when this was judged
    std::string purpose = "search";  ///< search | promotion | reverify | rejudge
    std::int64_t reproduces = 0;     ///< id of the first judging; 0 = this is the first
};

/// A model's answer besides the proposals, and what it cost; all empty where no model was asked.
struct PaidAnswer {
    std::string raw;    ///< unedited
    std::string model;  ///< label
    std::int64_t tokens_in = 0;
    std::int64_t tokens_out = 0;
    double usd = 0;
};

/// What a critic said of the attempt at (campaign, step, slot); what came of it is the gain of that
/// attempt's children.
struct CritiqueRow : PaidAnswer {
    std::int64_t campaign_id = 0;
    int step = 0;
    int slot = 0;
    std::string part = "critic";  ///< several critics may speak of one attempt
    std::string kind;             ///< "rules" | "model"
    bool usable = false;
    std::string diagnosis;
    std::string bottleneck;
    std::string change;
    double expected_gain = 0;  ///< factor over the attempt; 0 = none was named
    double seconds = 0;
    std::int64_t created_ms = 0;
};

/// What somebody foretold of the proposal at (campaign, step, slot) before it was built.
struct EstimateRow : PaidAnswer {
    std::int64_t campaign_id = 0;
    int step = 0;
    int slot = 0;
    std::string part;    ///< "value" | "verifier:compile" | "verifier:memory" | ...
    std::string kind;    ///< "features" | "model"
    double speedup = 0;  ///< expected best speed-up; 0 = none was named
    double chance = -1;  ///< that it is accepted, 0..1; negative = none was named
    bool kept = true;    ///< false: ranked out, never built
    double seconds = 0;
    std::int64_t created_ms = 0;
    // --- read only: what came of it, of the first judging at the same place ---
    bool judged = false;
    Verdict verdict = Verdict::internal;
    double reward = 0;
};

/// A board line: the best row of a task on a device, or one of the runners-up. Rows of one
/// timing_kind are ranked among themselves.
struct BoardRow {
    std::string task;
    std::string candidate_hash;
    std::string campaign;
    std::string model;
    std::string target;
    std::string device_id;    ///< of the campaign: "cpu", "emulated:sm_90a"
    std::string device;       ///< its description
    std::string timing_kind;  ///< "measured" | "modelled"
    std::string isa;          ///< CUDA: the architecture
    Ratio speedup;
    Ratio vs_naive;
    double min_speedup = 0;
    double sol = 0;
    Comparison comparison = Comparison::unclear;
    std::string state;
    int lines_of_code = 0;
    int step = 0;
    int slot = 0;
    std::int64_t evaluation_id = 0;
    std::int64_t created_ms = 0;
};

struct BoardFilter {
    std::optional<std::string> task;
    std::vector<std::string> campaigns;
    std::optional<std::string> target;
    std::optional<std::string> device;  ///< id, or its part before the colon: "emulated"
    bool all = false;  ///< every accepted kernel, not the best of each task and device
    int limit = 100;
};

}  // namespace kw
