// SPDX-License-Identifier: Apache-2.0
// What a critic said, and how it is read out of a model's answer.
#pragma once

#include "core/rows.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kw::agent {

struct Critique : PaidAnswer {
    std::string kind;          ///< "none" | "rules" | "model"
    bool usable = false;       ///< false: nothing to show; diagnosis says why a model's was not
    std::string diagnosis;     ///< what is wrong or what limits, and by which fact
    std::string bottleneck;    ///< exactly one: a pattern's key or the critic's own words
    std::string change;        ///< exactly one thing to change
    double expected_gain = 0;  ///< factor over the criticised attempt; 0 = none was named
};

/// A critique and the attempt it is about.
struct GivenCritique {
    int step = 0;
    int slot = 0;
    Critique critique;
};

inline constexpr std::size_t k_max_diagnosis = 800;
inline constexpr std::size_t k_max_bottleneck = 80;
inline constexpr std::size_t k_max_change = 600;
inline constexpr double k_max_expected_gain = 100;

/// Reads {"diagnosis": text, "bottleneck": text, "change": text, "expected_gain": number} out of an
/// answer: the first JSON object in it, alone, in a fence or within prose. Other keys are ignored,
/// other types are not: "1.3x" is no number. Texts are cut to one printable line each. A gain
/// outside (0, 100] makes the answer unusable. Any bytes are accepted; sizes and nesting are capped
/// before they are parsed.
[[nodiscard]] Critique parse_critique(const std::string& answer);

/// The first balanced {...} of a text that may hold others, "" without one within the caps (64 KiB,
/// 16 levels).
[[nodiscard]] std::string first_json_object(std::string_view text);

[[nodiscard]] CritiqueRow row_of(const GivenCritique& given, std::int64_t campaign_id);
[[nodiscard]] GivenCritique given_of(const CritiqueRow& row);

}  // namespace kw::agent
