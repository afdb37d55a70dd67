// SPDX-License-Identifier: Apache-2.0
// max-speed-up@budget: how fast the kernel in hand is after so many calls, tokens, dollars or
// seconds. Two searches are compared at equal budget in one unit, and not in another: what helps
// per call may not pay per dollar.
#pragma once

#include <array>
#include <span>
#include <string_view>
#include <vector>

namespace kw::agent {

enum class CostUnit { calls, tokens, usd, seconds };
inline constexpr std::array k_cost_units = {
    CostUnit::calls, CostUnit::tokens, CostUnit::usd, CostUnit::seconds};
[[nodiscard]] std::string_view name(CostUnit unit);  ///< "calls", "tokens", "usd", "seconds"

/// What was spent since a search began. `calls` are answered model calls, critiques included.
struct Cost {
    double calls = 0;
    double tokens = 0;
    double usd = 0;
    double seconds = 0;
    bool operator==(const Cost&) const = default;
};
[[nodiscard]] double in_unit(const Cost& cost, CostUnit unit);

/// Once `spent` was spent, the kernel in hand was this fast (> 0).
struct Progress {
    Cost spent;
    double speedup = 1;
};

/// A staircase: from spent[i] on the kernel in hand has speedup[i]; before the first step `start`.
struct SpeedupCurve {
    double start = 1;             ///< in hand before anything was spent; 1 = the baseline
    std::vector<double> spent;    ///< ascending
    std::vector<double> speedup;  ///< as long as `spent`
};

/// `progress` by ascending cost. Of steps at the same cost the last counts.
[[nodiscard]] SpeedupCurve speedup_curve(
    std::span<const Progress> progress, CostUnit unit, double start = 1);

/// In hand when exactly `budget` is spent: a step at `budget` counts.
[[nodiscard]] double speedup_at(const SpeedupCurve& curve, double budget);

/// The area under the curve as a height: exp of the mean of log speed-up over [0, budget]. An early
/// find counts for longer. `budget` > 0.
[[nodiscard]] double mean_height(const SpeedupCurve& curve, double budget);

}  // namespace kw::agent
