// SPDX-License-Identifier: Apache-2.0
// What became of a candidate. One enum, one table; docs/verdicts.md is its prose.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kw {

enum class Verdict {
    accepted,           ///< AC: correct on every case, timed
    compiled_only,      ///< CO: no device (or instruction set) here to run it
    no_reply,           ///< NR: the reply held no usable source
    duplicate,          ///< DU: same tokens as an earlier candidate
    forbidden,          ///< FB: forbidden construct in the preprocessed source
    compile_error,      ///< CE
    runtime_error,      ///< RE: crashed, or ended before the call returned
    timeout,            ///< TO: hang, or over the wall limit
    memory_limit,       ///< OM
    sandbox_violation,  ///< SV: a system call that a kernel has no business making
    wrong_result,       ///< WA
    non_finite,         ///< NF: NaN or infinity where the reference has none
    non_deterministic,  ///< ND: same inputs, other outputs
    input_mutated,      ///< IM: wrote to an input
    out_of_bounds,      ///< OB: touched a guard zone
    race,               ///< RC (CUDA devices)
    too_fast,           ///< TF: below the floor: too fast to be true
    internal,           ///< XX: our own failure; retried once, never scored
};

inline constexpr int k_verdict_count = static_cast<int>(Verdict::internal) + 1;

[[nodiscard]] std::string_view code(Verdict verdict);  ///< "AC", "CE", ...
[[nodiscard]] std::string_view name(Verdict verdict);  ///< "accepted", "compile error", ...
[[nodiscard]] std::optional<Verdict> verdict_from_code(std::string_view code);

/// How far the candidate came, 0 (nothing usable) .. k_verdict_count-1 (accepted). Orders failures
/// for the search; it never promotes one.
[[nodiscard]] int progress(Verdict verdict);

/// Outcome of a paired comparison of two times. Not a verdict.
enum class Comparison { faster, slower, same, unclear };
[[nodiscard]] std::string_view name(Comparison comparison);
[[nodiscard]] std::optional<Comparison> comparison_from_name(std::string_view name);

/// How a time was got. Measured and modelled times are never ranked together.
enum class Provenance { measured, modelled };
[[nodiscard]] std::string_view name(Provenance provenance);  ///< "measured", "modelled"

/// A fact noted while judging. Provenance, kept apart from the verdict: a finding alone rejects
/// nothing.
struct Finding {
    std::string rule;      ///< stable id, e.g. "late-write"
    std::string severity;  ///< "info" | "warning" | "violation"
    std::string phase;     ///< "scan" | "build" | "check" | "time"
    std::string evidence;
    std::string state = "open";  ///< "open" | "confirmed" | "false alarm": what somebody made of it
    bool operator==(const Finding&) const = default;
};

}  // namespace kw
