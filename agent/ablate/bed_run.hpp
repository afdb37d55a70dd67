// SPDX-License-Identifier: Apache-2.0
// One strategy on one landscape, and what it cost.
#pragma once

#include "agent/ablate/bed.hpp"
#include "agent/metrics/speedup_curve.hpp"
#include "agent/search/strategy.hpp"

#include <cstdint>
#include <vector>

namespace kw::agent {

/// A run goes on until it has spent this much in every unit.
struct BedLimits {
    Cost spend;
    int max_evaluations = 1000;  ///< a bound for beds and arms that spend nothing in some unit
};

struct BedStep {
    Cost spent;
    double speedup = 1;  ///< true one of the kernel that the search would deliver now
    bool accepted = false;
};

struct BedRun {
    double start = 1;            ///< true speed-up of the start source
    std::vector<BedStep> steps;  ///< one an evaluation
};

/// The critic is asked once for every source that becomes a parent of an arm that shows critiques.
/// Calls of a wave are made Bed::concurrent_calls() at a time; judgements follow one after another.
[[nodiscard]] BedRun run_on_bed(
    const Bed& bed,
    const Strategy& strategy,
    const Arm& arm,
    std::uint64_t seed,
    double gamma,
    const BedLimits& limits);

}  // namespace kw::agent
