// SPDX-License-Identifier: Apache-2.0
// Which parents a step asks for, and with which operators: the part in which strategies differ.
// Every kind is a pure function of the history, the population and the seed of its draws.
#pragma once

#include "agent/search/archive.hpp"
#include "agent/search/strategy.hpp"

#include <memory>
#include <vector>

namespace kw::agent {

/// The step that is being filled.
struct StepPlan {
    int step = 1;
    int asks = 1;   ///< asks wanted, slots 0 .. asks - 1
    int depth = 8;  ///< steps of a trajectory
    std::uint64_t seed = 1;
};

struct Selection {
    virtual ~Selection() = default;
    /// At least one ask, at most plan.asks, by slot.
    [[nodiscard]] virtual std::vector<Ask> pick(
        const History& done, const Population& population, const StepPlan& plan) const = 0;
};

/// "start": always the start source.
/// "single": the same, one ask a step.
/// "newest": one ask a step from the newest kernel; after `patience` failed steps from the best.
/// "cascade": FSR. The best kernel; after steps without a kernel also those failures that came
///   furthest: what was built and failed a case, else what was not built.
/// "spread": the members of the first island in turn.
/// "weighted": ShinkaEvolve. A parent drawn by parent_weights() on the slot's island, an operator
///   by its weight, inspirations from the island. While nothing is accepted, a random failure is
///   repaired.
/// "trajectory": MaxCode. The last step's attempt, whatever became of it; a failure is repaired up
///   to `patience` times, then the line starts anew from the best, as does each new trajectory.
/// A parent that failed is always asked to be repaired.
[[nodiscard]] std::unique_ptr<Selection> make_selection(const SelectionSpec& spec);

/// sigmoid(sharpness * (s - median) / MAD) / (1 + children), s the sure rewards: it does not change
/// when all of them are multiplied by a number, and a parent loses weight with every child. A MAD
/// below a millionth of the median counts as that.
[[nodiscard]] std::vector<double> parent_weights(
    const Island& island, const History& done, double sharpness);

/// Failures whose feedback can lead to a kernel, furthest first, newer first among equals: with
/// source, not a duplicate, not a failure of ours.
[[nodiscard]] std::vector<const Attempt*> repairable(const History& done);

}  // namespace kw::agent
