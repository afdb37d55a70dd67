// SPDX-License-Identifier: Apache-2.0
// A machine whose truth is known: pairs of calls on a simulated clock, with the disturbances that
// real machines have. What the sequential test does on them is its proof (docs/measurement.md).
#pragma once

#include "core/evaluation.hpp"
#include "evaluator/draws.hpp"
#include "evaluator/paired_test.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace kw::stats {

enum class Noise {
    normal,
    student_3,       ///< Student t, 3 degrees of freedom: some calls far off
    student_2,       ///< 2 degrees of freedom: infinite variance
    bimodal,         ///< three calls in ten are slower, by three times the noise
    drift,           ///< the machine slows by 30 % in 1000 pairs and wanders by 0.5 % a call
    throttled,       ///< pairs 40 to 100: half the clock, twice the noise
    timer_32ns,      ///< a clock with ticks of 32 ns
    timer_500ns,     ///< likewise, 500 ns
    autocorrelated,  ///< neighbouring pairs resemble each other, correlation 0.5
    outlier,         ///< the third pair's candidate is preempted for 1000 times its length
    order_effect,    ///< who goes first is 4 % slower
};
[[nodiscard]] std::span<const Noise> all_noises();
[[nodiscard]] std::string_view name(Noise noise);

struct SimulatedMachine {
    Noise noise = Noise::normal;
    /// Of log(baseline / candidate) of one pair: standard deviation where there is one, else scale.
    double sigma = 0.03;
    double call_ns = 20'000;
    /// What placement does to one contestant and no test can see; its sign is drawn for each run.
    double bias = 0.002;
    std::vector<double> placements = {0, 0, 0};  ///< log speed-up that each adds; they take turns
};

/// One run on a simulated machine.
class SimulatedPairs {
public:
    /// `speedup`: the true baseline / candidate.
    SimulatedPairs(SimulatedMachine machine, double speedup, std::uint64_t seed);
    Sample next();
    /// The speed-up with this run's bias: what more pairs converge to.
    [[nodiscard]] double limit() const;

private:
    struct Logs {
        double baseline = 0;
        double candidate = 0;
    };
    Logs noise();
    double timed(double ns);

    SimulatedMachine machine_;
    Draws draws_;
    double log_ratio_;  ///< true one, with the bias
    double wander_ = 0;
    double phase_ = 0;
    int pair_ = 0;
};

/// What became of many runs.
struct SimulationTally {
    std::int64_t runs = 0;
    std::int64_t faster = 0;
    std::int64_t slower = 0;
    std::int64_t same = 0;
    std::int64_t unclear = 0;
    std::int64_t soon = 0;     ///< of `faster`: within SimulationPlan::soon_pairs
    std::int64_t covered = 0;  ///< the ratio's interval holds limit()
    std::int64_t pairs = 0;    ///< of all runs
    int most_pairs = 0;
};

struct SimulationPlan {
    SimulatedMachine machine;
    double speedup = 1;
    PairedTestOptions test;
    std::int64_t runs = 1000;
    std::uint64_t seed = 1;
    int soon_pairs = 100;
};
[[nodiscard]] SimulationTally simulate(const SimulationPlan& plan);

/// Exact (Clopper-Pearson) one-sided 95 % limits of a probability after `hits` of `runs`.
[[nodiscard]] double at_most(std::int64_t hits, std::int64_t runs);
[[nodiscard]] double at_least(std::int64_t hits, std::int64_t runs);

}  // namespace kw::stats
