// SPDX-License-Identifier: Apache-2.0
// The sequential test on simulated machines. Counts are small, so what is claimed is what their
// exact limits allow; `kwright dev bench statistics` has the long version (docs/measurement.md).
#include "evaluator/simulated_pairs.hpp"

#include "evaluator/log_ratios.hpp"
#include "evaluator/median_interval.hpp"
#include "evaluator/statistics.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <string>

using namespace kw;
using namespace kw::stats;

namespace {

SimulationTally run(Noise noise, double speedup, std::int64_t runs, int max_pairs = 300) {
    SimulationPlan plan;
    plan.machine.noise = noise;
    if (noise == Noise::autocorrelated && speedup != 1) {
        plan.machine.sigma = 0.02;  // such pairs say less than half of what others say
    }
    plan.speedup = speedup;
    plan.test.max_pairs = max_pairs;
    plan.test.min_placements = 2;
    plan.runs = runs;
    return simulate(plan);
}

SimulationTally run(const SimulatedMachine& machine, double speedup, std::int64_t runs) {
    SimulationPlan plan;
    plan.machine = machine;
    plan.speedup = speedup;
    plan.runs = runs;
    return simulate(plan);
}

}  // namespace

TEST_CASE(
    "paired test: equal kernels are called different in at most 0.5 % of runs under all noises",
    "[stats][slow]") {
    std::int64_t wrong = 0, runs = 0, covered = 0;
    for (const Noise noise : all_noises()) {
        const SimulationTally t = run(noise, 1, 150);
        CAPTURE(std::string(name(noise)), t.faster, t.slower, t.same, t.unclear);
        CHECK(at_least(t.faster + t.slower, t.runs) <= 0.005);  // not refuted for any
        CHECK(t.most_pairs <= 300);
        wrong += t.faster + t.slower;
        covered += t.covered;
        runs += t.runs;
    }
    CAPTURE(wrong, covered);
    CHECK(at_most(wrong, runs) <= 0.005);  // and shown for all of them together
    CHECK(at_least(covered, runs) >= 0.95);
}

TEST_CASE("paired test: a true 5 % is seen within 100 pairs in 95 % of runs", "[stats]") {
    std::int64_t seen = 0, runs = 0, covered = 0;
    for (const Noise noise : all_noises()) {
        for (const double speedup : {1.05, 1 / 1.05}) {
            const SimulationTally t = run(noise, speedup, 60);
            CAPTURE(std::string(name(noise)), speedup, t.faster, t.slower, t.soon);
            CHECK((speedup > 1 ? t.slower : t.faster) == 0);
            CHECK(t.faster + t.slower >= 57);
            if (speedup > 1) {
                CHECK(at_most(t.soon, t.runs) >= 0.95);
                seen += t.soon;
                covered += t.covered;
                runs += t.runs;
            }
        }
    }
    CAPTURE(seen, covered);
    CHECK(at_least(seen, runs) >= 0.95);
    CHECK(at_least(covered, runs) >= 0.95);
}

TEST_CASE("paired test: a true 2 % is seen within 1000 pairs in 95 % of runs", "[stats]") {
    std::int64_t seen = 0, runs = 0;
    for (const Noise noise : all_noises()) {
        const SimulationTally t = run(noise, 1.02, 30, 1000);
        CAPTURE(std::string(name(noise)), t.faster, t.slower, t.same);
        CHECK(at_most(t.faster, t.runs) >= 0.95);
        CHECK(t.slower == 0);
        seen += t.faster;
        runs += t.runs;
    }
    CAPTURE(seen);
    CHECK(at_least(seen, runs) >= 0.95);
}

TEST_CASE("paired test: a calm machine shows equal kernels to be the same", "[stats]") {
    SimulatedMachine machine;
    machine.sigma = 0.01;
    machine.bias = 0;
    const SimulationTally t = run(machine, 1, 100);
    CAPTURE(t.same, t.unclear);
    CHECK(t.same >= 95);
}

TEST_CASE("paired test: memory-bound noise ends unclear and almost never decides", "[stats]") {
    for (const double sigma : {0.05, 0.2}) {
        const SimulationTally t = run({Noise::autocorrelated, sigma}, 1, 200);
        CAPTURE(sigma, t.faster, t.slower, t.unclear);
        CHECK(at_least(t.faster + t.slower, t.runs) <= 0.005);
        CHECK(t.unclear >= 198);
    }
    CHECK(run({Noise::autocorrelated, 0.1}, 1.3, 50).faster >= 48);
}

TEST_CASE("paired test: one lucky placement cannot decide alone", "[stats]") {
    const auto with = [](std::vector<double> placements) {
        SimulatedMachine machine;
        machine.sigma = 0.01;
        machine.placements = std::move(placements);
        return run(machine, 1, 60);
    };
    const SimulationTally lucky = with({0.2, 0.0, 0.0});
    CAPTURE(lucky.faster, lucky.same, lucky.unclear);
    CHECK(lucky.faster + lucky.slower == 0);
    const SimulationTally two = with({0.2, 0.0});
    CHECK(two.faster + two.slower == 0);
    CHECK(with({0.10, 0.03, 0.05}).faster >= 57);
}

TEST_CASE("overall: equal kernels on several shapes are almost never called different", "[stats]") {
    std::int64_t wrong = 0, covered = 0;
    constexpr std::int64_t runs = 120;
    Draws seeds(77);
    for (std::int64_t run = 0; run < runs; ++run) {
        std::vector<ShapeTiming> shapes(3);
        double limit = 1;
        for (std::size_t i = 0; i < shapes.size(); ++i) {
            SimulatedMachine machine;
            machine.sigma = 0.02 + 0.03 * static_cast<double>(i);
            SimulatedPairs pairs(machine, 1, seeds.next());
            PairedTest test;
            while (test.state() == PairedState::undecided) {
                test.add(pairs.next());
            }
            shapes[i].samples = test.samples();
            limit *= std::cbrt(pairs.limit());
        }
        const Ratio mean = geometric_mean(shapes);
        const Comparison comparison = overall(mean, 0.005);
        wrong += comparison == Comparison::faster || comparison == Comparison::slower ? 1 : 0;
        covered += mean.lo <= limit && limit <= mean.hi ? 1 : 0;
    }
    CHECK(wrong == 0);
    CHECK(at_most(covered, runs) >= 0.95);
}

TEST_CASE("paired test: what going first costs is not the candidate's", "[stats]") {
    SimulatedMachine machine;
    machine.noise = Noise::order_effect;
    machine.bias = 0;
    SimulatedPairs pairs(machine, 1.1, 8);
    std::vector<Sample> samples(300);
    std::generate(samples.begin(), samples.end(), [&] { return pairs.next(); });
    std::vector<double> values = log_ratios(samples);
    CHECK(median_in_place(values) == Approx(std::log(1.1)).margin(0.01));
    std::sort(values.begin(), values.end());
    CHECK(values[250] - values[50] < 0.08);  // not two heaps of 8 % apart
}

TEST_CASE("coarse tick: is found where times repeat and nowhere else", "[stats]") {
    const auto tick_of = [](Noise noise, double sigma) {
        SimulatedMachine machine;
        machine.noise = noise;
        machine.sigma = sigma;
        SimulatedPairs pairs(machine, 1.02, 4);
        std::vector<Sample> samples(100);
        std::generate(samples.begin(), samples.end(), [&] { return pairs.next(); });
        return coarse_tick(samples);
    };
    CHECK(tick_of(Noise::timer_500ns, 0.03) == Approx(500));
    CHECK(tick_of(Noise::timer_32ns, 0.003) == Approx(32));
    CHECK(tick_of(Noise::timer_32ns, 0.3) == 0);  // too fine to matter
    CHECK(tick_of(Noise::normal, 0.03) == 0);
    CHECK(coarse_tick({}) == 0);
}

TEST_CASE("binomial limits: agree with cases by hand", "[stats]") {
    CHECK(at_most(0, 598) == Approx(0.005).epsilon(0.01));  // the rule of three
    CHECK(at_most(0, 10) == Approx(1 - std::pow(0.05, 0.1)));
    CHECK(at_least(10, 10) == Approx(std::pow(0.05, 0.1)));
    CHECK(at_most(10, 10) == 1);
    CHECK(at_least(0, 10) == 0);
}
