// SPDX-License-Identifier: Apache-2.0
// The estimate by a model: chances of ranges of speed-up, as MaxCode's categorical value model has
// them, here by a prompt instead of a fine-tuned one. For value.cpp and tests.
#pragma once

#include "agent/value/value.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>

namespace kw::agent {

/// A range of speed-ups and the one that stands for it (geometric middle; failures: 0).
struct SpeedupBin {
    const char* name;
    double middle;
};
inline constexpr std::array<SpeedupBin, 8> k_speedup_bins = {{
    {"fails", 0},
    {"below_0.9", 0.6},
    {"to_1.1", 1},
    {"to_1.5", 1.28},
    {"to_2", 1.73},
    {"to_3", 2.45},
    {"to_5", 3.87},
    {"above_5", 6},
}};
using Chances = std::array<double, k_speedup_bins.size()>;

/// Reads the JSON object of an answer. Missing ranges are 0, other keys are ignored. Nothing when a
/// chance is no number in [0, 1] or when they do not add up to 1 within 0.1; else they are scaled
/// to add up.
[[nodiscard]] std::optional<Chances> parse_chances(const std::string& answer);

[[nodiscard]] Estimate estimate_of(const Chances& chances, double best_so_far);

[[nodiscard]] Result<ProposeRequest> value_request(
    const ValueParts& parts, const History& done, const Proposal& proposal);

[[nodiscard]] std::unique_ptr<ActionValue> make_model_value(const ValueParts& parts);

}  // namespace kw::agent
