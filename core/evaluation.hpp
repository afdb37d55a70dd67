// SPDX-License-Identifier: Apache-2.0
// The result of judging one candidate: what the evaluator returns, the database stores and the
// screen shows. All times are nanoseconds of one call, cold unless the name says hot; timing_kind
// says whether they were measured or modelled, never a mixture in one evaluation.
#pragma once

#include "core/task.hpp"
#include "core/verdict.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kw {

inline constexpr const char* k_protocol = "kw-time/1";

/// Why a shape's timing ended: nearly every pair met other programs, so that it shows nothing.
inline constexpr const char* k_stop_disturbed = "disturbed";

/// An interval of a ratio: 95 % unless said otherwise.
struct Ratio {
    double value = 0;
    double lo = 0;
    double hi = 0;
    bool operator==(const Ratio&) const = default;
};

/// One pair of calls on the same inputs.
struct Sample {
    double baseline_ns = 0;
    double candidate_ns = 0;
    std::uint8_t placement = 0;
    std::uint8_t order = 0;  ///< 0 = baseline first
};

/// Everything measured on one timed shape.
struct ShapeTiming {
    std::string case_name;
    DimMap dims;
    std::string baseline;         ///< the fastest one for this shape
    double candidate_ns = 0;      ///< median, cold
    double baseline_ns = 0;       ///< median, cold
    double naive_ns = 0;          ///< median of the naive baseline, 0 = not measured
    double hot_candidate_ns = 0;  ///< 0 = not measured
    double hot_baseline_ns = 0;
    Ratio speedup;  ///< baseline / candidate
    Comparison comparison = Comparison::unclear;
    double floor_ns = 0;  ///< least physically possible
    double sol = 0;       ///< memory-or-compute roof time / candidate time
    double gb_per_s = 0;
    double null_ns = 0;     ///< cost of an empty call, already subtracted
    double prepare_ns = 0;  ///< one prepare call, not ranked
    std::int64_t prepare_bytes = 0;
    /// GPU: "single" (one call an interval) or "graph_8" (calls of less than 5 us: a captured graph
    /// of so many calls on inputs of their own, divided). "" elsewhere.
    std::string mode;
    double sm_mhz = 0;            ///< GPU: median clock while it was timed; 0 = not known
    double temperature_c = 0;     ///< likewise
    double power_w = 0;           ///< likewise, of the whole board
    double candidate_joules = 0;  ///< GPU: of one call, warm, idle power included; 0 = not counted
    double baseline_joules = 0;
    std::string stop_reason;  ///< "decided" | "max pairs" | "time cap" | "disturbed"
    std::vector<Sample> samples;
};

/// The case that decided a failure, or the summary of a passed one. Hidden cases carry no values.
struct CaseOutcome {
    std::string case_name;
    DimMap dims;
    std::string distribution;
    bool hidden = false;
    Verdict verdict = Verdict::accepted;
    std::string argument;     ///< of the first mismatch
    std::int64_t index = -1;  ///< element
    std::string got, want;    ///< printed values; empty for hidden cases
    std::int64_t mismatches = 0;
    std::int64_t elements = 0;
    double max_error = 0;  ///< as a fraction of the allowed error; <= 1 passes
    std::string note;
};

/// What the build says about the code: facts for the critic.
struct BuildFacts {
    std::string compiler;  ///< "g++ 12.2.0"
    std::string command;   ///< as run, without paths of the machine
    bool cached = false;
    double seconds = 0;
    std::string diagnostics;  ///< first errors or warnings, cut
    std::int64_t text_bytes = 0;
    int stack_references = -1;                       ///< in the hottest loop; -1 = not looked at
    std::map<std::string, int> instruction_classes;  ///< "vpdpbusd" -> count, vector classes only
    std::string artifact_sha256;
    std::map<std::string, int> resources;  ///< CUDA, of ptxas: "gemv.registers" -> 96,
                                           ///< "gemv.spill_bytes", ".smem_bytes", ".stack_bytes"
};

struct StageTime {
    std::string stage;  ///< "scan" | "build" | "check" | "time" | ...
    double ms = 0;
};

struct Evaluation {
    Verdict verdict = Verdict::internal;
    std::string summary;  ///< one line for people and for the model: "0.85x: 15 % slower"
    std::string detail;   ///< more lines: compiler errors, failing case
    Ratio speedup;        ///< geometric mean over shapes, accepted candidates only
    Ratio vs_naive;
    double min_speedup = 0;  ///< worst shape
    double sol = 0;          ///< geometric mean
    Comparison comparison = Comparison::unclear;
    std::vector<ShapeTiming> shapes;
    std::vector<CaseOutcome> cases;
    std::vector<Finding> findings;
    std::vector<StageTime> stages;
    BuildFacts build;
    std::string protocol = k_protocol;
    std::string timing_kind = "measured";  ///< name(Provenance)
    std::string device;                    ///< "cpu: AMD EPYC ..."
    std::string device_hash;               ///< of the calibration record
    std::string sandbox_profile;
    std::string seed_commitment;  ///< SHA-256 of the seed, fixed before the first input was drawn
    std::string seed;             ///< hex, revealed
    double wall_s = 0;
};

/// What a sandbox profile holds when a layer of the judge was turned off to test the others.
inline constexpr std::string_view k_weakened_mark = " without:";
/// Such a result proves nothing about its candidate: it is never stored and never ranked.
[[nodiscard]] inline bool is_weakened(const Evaluation& evaluation) {
    return evaluation.sandbox_profile.find(k_weakened_mark) != std::string::npos;
}

[[nodiscard]] inline bool is_modelled(const Evaluation& evaluation) {
    return evaluation.timing_kind == name(Provenance::modelled);
}

}  // namespace kw
