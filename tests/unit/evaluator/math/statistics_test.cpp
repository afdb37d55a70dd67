// SPDX-License-Identifier: Apache-2.0
#include "evaluator/statistics.hpp"

#include "tests/support/catch.hpp"

#include <cmath>
#include <random>
#include <vector>

using namespace kw;
using namespace kw::stats;

namespace {

/// What a machine does to pairs of calls: relative noise with heavy tails, neighbours that resemble
/// each other, preemptions, an advantage of who goes first, placements that differ.
struct Machine {
    double spread = 0.02;
    double memory = 0;  ///< correlation of neighbouring pairs
    double outliers = 0.02;
    double bias = 0;
    double first_is_slower = 0;
    std::vector<double> placements = {0, 0, 0};
};

class Simulation {
public:
    Simulation(Machine machine, std::uint64_t seed)
        : machine_(std::move(machine))
        , random_(seed)
        , phase_(normal_(random_)) {}

    Sample pair(double log_speedup) {
        const double fresh = std::sqrt(1 - machine_.memory * machine_.memory);
        phase_ = machine_.memory * phase_ + fresh * normal_(random_);
        double noise = machine_.spread * phase_;
        if (uniform_(random_) < 0.2) {
            noise = machine_.spread * 2.5 * normal_(random_);
        }
        Sample sample;
        sample.placement = static_cast<std::uint8_t>(count_++ % machine_.placements.size());
        sample.order = static_cast<std::uint8_t>(random_() & 1U);
        const double order = machine_.first_is_slower * (sample.order == 0 ? -1 : 1);
        drift_ *= std::exp(0.01 * normal_(random_));
        sample.baseline_ns = 20'000 * drift_;
        sample.candidate_ns =
            sample.baseline_ns * std::exp(
                                     -log_speedup - machine_.bias - noise - order -
                                     machine_.placements[sample.placement]);
        if (uniform_(random_) < machine_.outliers) {
            const double pause = std::exp(3 * uniform_(random_));
            ((random_() & 1U) != 0 ? sample.baseline_ns : sample.candidate_ns) *= pause;
        }
        return sample;
    }

private:
    Machine machine_;
    std::mt19937_64 random_;
    std::normal_distribution<double> normal_;
    std::uniform_real_distribution<double> uniform_;
    double phase_ = 0;
    double drift_ = 1;
    std::size_t count_ = 0;
};

struct Tally {
    int faster = 0, slower = 0, same = 0, unclear = 0;
    int most_pairs = 0;
    int within_100 = 0;  ///< faster or slower after at most 100 pairs
};

PairedTest run_test(const Machine& machine, double log_speedup, std::uint64_t seed) {
    Simulation simulation(machine, seed);
    PairedTest test;
    while (test.state() == PairedState::undecided) {
        test.add(simulation.pair(log_speedup));
    }
    return test;
}

Tally run_many(const Machine& machine, double log_speedup, int runs) {
    Tally tally;
    for (int run = 0; run < runs; ++run) {
        const PairedTest test =
            run_test(machine, log_speedup, 1000 + static_cast<std::uint64_t>(run));
        const Comparison c = test.comparison();
        tally.faster += c == Comparison::faster;
        tally.slower += c == Comparison::slower;
        tally.same += c == Comparison::same;
        tally.unclear += c == Comparison::unclear;
        const int pairs = static_cast<int>(test.samples().size());
        tally.most_pairs = std::max(tally.most_pairs, pairs);
        tally.within_100 +=
            (c == Comparison::faster || c == Comparison::slower) && pairs <= 100 ? 1 : 0;
    }
    return tally;
}

}  // namespace

TEST_CASE(
    "paired test: equal kernels are called faster or slower in at most 0.5 % of runs", "[stats]") {
    for (const double spread : {0.01, 0.03}) {
        const Tally t = run_many({spread, 0.2, 0.02, 0.002}, 0, 1000);
        CAPTURE(spread, t.faster, t.slower, t.same, t.unclear);
        CHECK(t.faster + t.slower <= 5);
        CHECK(t.most_pairs <= 300);
    }
}

TEST_CASE("paired test: a calm machine shows equal kernels to be the same", "[stats]") {
    const Tally t = run_many({0.01, 0.1}, 0, 500);
    CHECK(t.same >= 475);
}

TEST_CASE("paired test: a true 5 % is decided within 100 pairs in 95 % of runs", "[stats]") {
    for (const double spread : {0.01, 0.03}) {
        for (const double sign : {1.0, -1.0}) {
            const Tally t = run_many({spread, 0.2}, sign * std::log(1.05), 500);
            CAPTURE(spread, sign, t.faster, t.slower);
            CHECK(t.within_100 >= 475);
            CHECK((sign > 0 ? t.slower : t.faster) == 0);
        }
    }
}

TEST_CASE("paired test: a true 2 % is decided within 300 pairs in 90 % of runs", "[stats]") {
    for (const double spread : {0.01, 0.02, 0.03}) {
        const Tally t = run_many({spread, 0.1}, std::log(1.02), 500);
        CAPTURE(spread, t.faster, t.unclear, t.same);
        CHECK(t.faster >= 450);
        CHECK(t.slower == 0);
        CHECK(t.same <= 2);
    }
}

TEST_CASE("paired test: memory-bound noise ends unclear and almost never decides", "[stats]") {
    for (const double spread : {0.05, 0.2}) {
        const Tally t = run_many({spread, 0.5, 0.05, 0.002}, 0, 600);
        CAPTURE(spread, t.faster, t.slower, t.unclear);
        CHECK(t.faster + t.slower <= 3);
        CHECK(t.unclear >= 594);
    }
    const Tally big = run_many({0.1, 0.5, 0.05}, std::log(1.3), 200);
    CHECK(big.faster >= 196);
}

TEST_CASE("paired test: who goes first does not matter", "[stats]") {
    const Tally equal = run_many({0.02, 0, 0.02, 0, 0.04}, 0, 600);
    CHECK(equal.faster + equal.slower <= 3);
    const Tally better = run_many({0.02, 0, 0.02, 0, 0.04}, std::log(1.05), 300);
    CHECK(better.faster >= 285);
}

TEST_CASE("paired test: one lucky placement cannot decide alone", "[stats]") {
    const Tally lucky = run_many({0.01, 0, 0.02, 0, 0, {0.2, 0.0, 0.0}}, 0, 300);
    CAPTURE(lucky.faster, lucky.same, lucky.unclear);
    CHECK(lucky.faster + lucky.slower <= 2);
    const Tally two = run_many({0.01, 0, 0.02, 0, 0, {0.2, 0.0}}, 0, 300);
    CHECK(two.faster + two.slower <= 2);
    const Tally all = run_many({0.01, 0, 0.02, 0, 0, {0.10, 0.03, 0.05}}, 0, 100);
    CHECK(all.faster >= 95);
}

TEST_CASE("paired test: a decision waits for the placements it needs", "[stats]") {
    PairedTestOptions options;
    options.min_placements = 2;
    PairedTest test(options);
    for (int i = 0; i < 60; ++i) {
        test.add({200.0 + i % 7, 100, 0, static_cast<std::uint8_t>(i % 2)});
    }
    CHECK(test.state() == PairedState::undecided);
    for (int i = 0; i < 24; ++i) {
        test.add({200.0 + i % 7, 100, 1, static_cast<std::uint8_t>(i % 2)});
    }
    CHECK(test.comparison() == Comparison::faster);
}

TEST_CASE("paired test: plain differences stop at the first look and stay decided", "[stats]") {
    PairedTest test;
    for (int i = 0; i < 23; ++i) {
        test.add({100, 200.0 + i % 5, 0, 0});
        CHECK(test.state() == PairedState::undecided);
    }
    test.add({100, 200, 0, 0});
    REQUIRE(test.state() == PairedState::decided);
    CHECK(test.comparison() == Comparison::slower);
    for (int i = 0; i < 100; ++i) {
        test.add({400, 100, 0, 0});
    }
    CHECK(test.comparison() == Comparison::slower);
    CHECK(test.samples().size() == 124);
}

TEST_CASE("paired test: when the time is up what is left of the budget is used", "[stats]") {
    PairedTest few;
    for (int i = 0; i < 12; ++i) {
        few.add({300.0 + i % 3, 200, 0, static_cast<std::uint8_t>(i % 2)});
    }
    few.finish();
    CHECK(few.state() == PairedState::decided);
    CHECK(few.comparison() == Comparison::faster);

    PairedTest too_few;
    for (int i = 0; i < 5; ++i) {
        too_few.add({300, 200, 0, 0});
    }
    too_few.finish();
    CHECK(too_few.state() == PairedState::exhausted);
    CHECK(too_few.comparison() == Comparison::unclear);

    PairedTest none;
    none.finish();
    CHECK(none.state() == PairedState::exhausted);
    CHECK(none.ratio() == Ratio{});
}

TEST_CASE("paired test: half of the pairs ruined on one side cannot decide", "[stats]") {
    PairedTest test;
    for (int i = 0; test.state() == PairedState::undecided; ++i) {
        const double pause = i % 2 == 0 ? 1000.0 : 1.0;
        test.add({100 * pause, 100 + 0.1 * (i % 5), 0, static_cast<std::uint8_t>((i / 2) % 2)});
    }
    CHECK(test.comparison() != Comparison::slower);
    CHECK(test.comparison() != Comparison::faster);
}

TEST_CASE("paired test: times of nothing are not a reason to fail", "[stats]") {
    PairedTest test;
    for (int i = 0; i < 30; ++i) {
        test.add({100, i % 2 == 0 ? 0.0 : -3.0, 0, 0});
    }
    CHECK(test.comparison() == Comparison::faster);
    CHECK(std::isfinite(test.ratio().value));
    CHECK_THROWS_AS(test.add({std::nan(""), 1, 0, 0}), BugError);
}

TEST_CASE(
    "ratio: its interval holds the truth about 95 times of 100 and is repeatable", "[stats]") {
    int inside = 0;
    constexpr int runs = 200;
    for (int run = 0; run < runs; ++run) {
        Simulation simulation({0.02, 0.2}, 77 + static_cast<std::uint64_t>(run));
        PairedTestOptions options;
        options.min_pairs = 100;
        options.max_pairs = 100;
        PairedTest test(options);
        for (int i = 0; i < 100; ++i) {
            test.add(simulation.pair(std::log(1.1)));
        }
        const Ratio ratio = test.ratio();
        CHECK(ratio.lo <= ratio.value);
        CHECK(ratio.value <= ratio.hi);
        inside += ratio.lo <= 1.1 && 1.1 <= ratio.hi;
        if (run == 0) {
            CHECK(ratio == test.ratio());
        }
    }
    CHECK(inside >= runs * 89 / 100);
}

TEST_CASE("geometric mean: many shapes of equal kernels are rarely called different", "[stats]") {
    int decided = 0;
    for (int run = 0; run < 40; ++run) {
        std::vector<ShapeTiming> shapes(3);
        for (std::size_t s = 0; s < shapes.size(); ++s) {
            shapes[s].samples = run_test(
                                    {0.02 + 0.03 * static_cast<double>(s), 0.2},
                                    0,
                                    static_cast<std::uint64_t>(run * 3) + s)
                                    .samples();
        }
        const Comparison c = overall(geometric_mean(shapes), 0.005);
        decided += c == Comparison::faster || c == Comparison::slower;
    }
    CHECK(decided <= 1);
}

TEST_CASE("geometric mean: works in logarithms over shapes with and without samples", "[stats]") {
    std::vector<ShapeTiming> shapes(2);
    for (int i = 0; i < 40; ++i) {
        shapes[0].samples.push_back({400.0 + i % 3, 100, 0, 0});
        shapes[1].samples.push_back({100.0 + i % 3, 100, 0, 0});
    }
    const Ratio both = geometric_mean(shapes);
    CHECK(both.value == Approx(std::sqrt(4.01 * 1.01)).epsilon(1e-6));
    CHECK(overall(both, 0.005) == Comparison::faster);

    shapes[1].samples.clear();
    shapes[1].speedup = {0.5, 0.49, 0.51};
    const Ratio mixed = geometric_mean(shapes);
    CHECK(mixed.value == Approx(std::sqrt(4.01 * 0.5)).epsilon(1e-6));
    CHECK(mixed.lo < mixed.value);
    CHECK(mixed == geometric_mean(shapes));
    CHECK(geometric_mean({}) == Ratio{});
}

TEST_CASE("overall: reads the interval and not the value", "[stats]") {
    CHECK(overall({1.02, 1.015, 1.025}, 0.005) == Comparison::faster);
    CHECK(overall({0.98, 0.975, 0.985}, 0.005) == Comparison::slower);
    CHECK(overall({1.001, 0.998, 1.004}, 0.005) == Comparison::same);
    CHECK(overall({1.02, 1.004, 1.04}, 0.005) == Comparison::unclear);
    CHECK(overall({1.0, 0.9, 1.1}, 0.005) == Comparison::unclear);
    CHECK(overall({0, 0, 0}, 0.005) == Comparison::unclear);
}

TEST_CASE("median and quantile: small cases by hand", "[stats]") {
    CHECK(median({}) == 0);
    CHECK(median(std::vector<double>{3}) == 3);
    CHECK(median(std::vector<double>{4, 1, 3, 2}) == 2.5);
    CHECK(median(std::vector<double>{9, 1, 5}) == 5);
    CHECK(quantile(std::vector<double>{}, 0.5) == 0);
    CHECK(quantile(std::vector<double>{4, 1, 3, 2}, 0) == 1);
    CHECK(quantile(std::vector<double>{4, 1, 3, 2}, 1) == 4);
    CHECK(quantile(std::vector<double>{0, 10}, 0.25) == 2.5);
}
