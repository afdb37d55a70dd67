// SPDX-License-Identifier: Apache-2.0
#include "core/verdict.hpp"

#include "core/check.hpp"

#include <array>

namespace kw {
namespace {

struct VerdictInfo {
    Verdict verdict;
    std::string_view code;
    std::string_view name;
    int progress;
};

// Order of the enum. `progress` ranks failures by how far they came.
constexpr std::array<VerdictInfo, k_verdict_count> k_verdicts{{
    {Verdict::accepted, "AC", "accepted", 17},
    {Verdict::compiled_only, "CO", "compiled only", 5},
    {Verdict::no_reply, "NR", "no usable reply", 0},
    {Verdict::duplicate, "DU", "duplicate", 1},
    {Verdict::forbidden, "FB", "forbidden source", 2},
    {Verdict::compile_error, "CE", "compile error", 4},
    {Verdict::runtime_error, "RE", "run-time error", 6},
    {Verdict::timeout, "TO", "timeout", 7},
    {Verdict::memory_limit, "OM", "memory limit", 8},
    {Verdict::sandbox_violation, "SV", "sandbox violation", 3},
    {Verdict::wrong_result, "WA", "wrong result", 12},
    {Verdict::non_finite, "NF", "non-finite result", 11},
    {Verdict::non_deterministic, "ND", "non-deterministic", 13},
    {Verdict::input_mutated, "IM", "input mutated", 9},
    {Verdict::out_of_bounds, "OB", "out of bounds", 10},
    {Verdict::race, "RC", "race", 14},
    {Verdict::too_fast, "TF", "too fast to be true", 2},
    {Verdict::internal, "XX", "internal error", 0},
}};

const VerdictInfo& info(Verdict verdict) {
    const VerdictInfo& entry = k_verdicts.at(static_cast<std::size_t>(verdict));
    KW_CHECK(entry.verdict == verdict);
    return entry;
}

constexpr std::array<std::string_view, 4> k_comparisons{"faster", "slower", "same", "unclear"};

}  // namespace

std::string_view code(Verdict verdict) {
    return info(verdict).code;
}
std::string_view name(Verdict verdict) {
    return info(verdict).name;
}
int progress(Verdict verdict) {
    return info(verdict).progress;
}

std::optional<Verdict> verdict_from_code(std::string_view code) {
    for (const VerdictInfo& entry : k_verdicts) {
        if (entry.code == code) {
            return entry.verdict;
        }
    }
    return std::nullopt;
}

std::string_view name(Provenance provenance) {
    return provenance == Provenance::modelled ? "modelled" : "measured";
}

std::string_view name(Comparison comparison) {
    return k_comparisons.at(static_cast<std::size_t>(comparison));
}

std::optional<Comparison> comparison_from_name(std::string_view name) {
    for (std::size_t i = 0; i < k_comparisons.size(); ++i) {
        if (k_comparisons[i] == name) {
            return static_cast<Comparison>(i);
        }
    }
    return std::nullopt;
}

}  // namespace kw
