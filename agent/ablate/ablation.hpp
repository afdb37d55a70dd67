// SPDX-License-Identifier: Apache-2.0
// Strategies against each other on a bed: same landscapes, same luck, same budget, many runs. The
// first arm is the one that the others are compared with.
//
// Budgets are equal in each unit by itself. The first arm spends `calls`; what that costs it on
// average in tokens, dollars and seconds is the budget of every arm in those units. A call that
// does not fit is not made: only what was spent by then counts.
#pragma once

#include "agent/ablate/bed.hpp"
#include "agent/metrics/speedup_curve.hpp"
#include "core/evaluation.hpp"
#include "core/result.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace kw::agent {

/// Seeds to develop strategies and presets with, and seeds that decide. Whoever looks at the second
/// ones before the strategies are fixed has no evidence left.
enum class SeedSet { development, held_out };
[[nodiscard]] std::uint64_t first_seed(SeedSet set);

struct AblationPlan {
    std::vector<Arm> arms;  ///< at least one
    int runs = 1000;        ///< at least two; a run is a landscape
    int calls = 32;         ///< budget of the first arm
    SeedSet seeds = SeedSet::development;
    StrategyOptions options;
    std::filesystem::path presets;  ///< folder of the shipped strategies
    double gamma = 0.95;
    int threads = 1;  ///< the result does not depend on it
};

/// One arm in one unit.
struct UnitResult {
    CostUnit unit = CostUnit::calls;
    double budget = 0;
    Ratio speedup;  ///< max-speed-up@budget, geometric mean over runs, 95 %
    Ratio height;   ///< mean height of the curve up to the budget, likewise
    Ratio ratio;    ///< first arm / this arm at the budget, paired by run, 95 %; 1 for the first
};

struct ArmResult {
    Arm arm;
    std::vector<UnitResult> units;  ///< those in which the bed has costs
    double evaluations = 0;         ///< mean of a run at the budget of calls
    double failures = 0;            ///< share of them that was not accepted
};

struct AblationResult {
    std::vector<ArmResult> arms;  ///< in the plan's order
    /// Decided: the interval of the ratio lies above or below 1.
    [[nodiscard]] static bool better(const Ratio& ratio) { return ratio.lo > 1; }
    [[nodiscard]] static bool worse(const Ratio& ratio) { return ratio.hi < 1; }
};

/// As load_preset() for a strategy that is not there.
[[nodiscard]] Result<AblationResult> ablate(const Bed& bed, const AblationPlan& plan);

}  // namespace kw::agent
