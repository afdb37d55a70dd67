// SPDX-License-Identifier: Apache-2.0
#include "evaluator/statistics.hpp"

#include "evaluator/draws.hpp"
#include "tests/support/catch.hpp"

#include <cmath>
#include <vector>

using namespace kw;
using namespace kw::stats;

namespace {

/// In [0, 1), neighbours far apart.
double jitter(int i) {
    return std::fmod(i * 0.6180339887, 1.0);
}

}  // namespace

TEST_CASE("geometric mean: works in logarithms over shapes with and without samples", "[stats]") {
    std::vector<ShapeTiming> shapes(2);
    for (int i = 0; i < 40; ++i) {
        shapes[0].samples.push_back({401, 100, 0, 0});
        shapes[1].samples.push_back({101, 100, 0, 0});
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

TEST_CASE("median: small cases by hand", "[stats]") {
    CHECK(median({}) == 0);
    CHECK(median(std::vector<double>{3}) == 3);
    CHECK(median(std::vector<double>{4, 1, 3, 2}) == 2.5);
    CHECK(median(std::vector<double>{9, 1, 5}) == 5);
}

TEST_CASE("geometric mean: a time below the floor never lifts it above the floor's", "[stats]") {
    Draws draws(3);
    for (int round = 0; round < 200; ++round) {
        std::vector<ShapeTiming> shapes(1 + draws.below(4));
        for (ShapeTiming& shape : shapes) {
            shape.floor_ns = 50 + 100 * draws.uniform();
            for (std::size_t i = draws.below(60); i > 0; --i) {
                shape.samples.push_back(
                    {200 + 100 * draws.uniform(),
                     150 + 100 * draws.uniform(),
                     static_cast<std::uint8_t>(draws.below(3)),
                     static_cast<std::uint8_t>(draws.below(2))});
            }
            if (shape.samples.empty()) {
                shape.baseline_ns = 250;
                shape.speedup = {1.2, 1.1, 1.3};
            }
        }
        const double honest = geometric_mean(shapes).value;
        ShapeTiming& forged = shapes[draws.below(shapes.size())];
        for (Sample& sample : forged.samples) {
            sample.candidate_ns = forged.floor_ns;
        }
        if (forged.samples.empty()) {
            const double most = forged.baseline_ns / forged.floor_ns;
            forged.speedup = {most, most, most};
        }
        const Ratio at_floor = geometric_mean(shapes);
        CHECK(at_floor.value >= honest);
        for (Sample& sample : forged.samples) {
            sample.candidate_ns = forged.floor_ns * (draws.uniform() * 2 - 1);  // also below zero
        }
        forged.speedup = {forged.speedup.value * 1e6, forged.speedup.lo, forged.speedup.hi * 1e9};
        const Ratio below = geometric_mean(shapes);
        CHECK(below.value == Approx(at_floor.value).epsilon(1e-9));
        CHECK(below.hi == Approx(at_floor.hi).epsilon(1e-9));
    }
}

TEST_CASE("ratio: a handful of pairs shows no difference, however large", "[stats]") {
    std::vector<ShapeTiming> shapes(1);
    for (int i = 0; i < 30; ++i) {
        shapes[0].samples.push_back({300 + jitter(i), 100 + jitter(7 * i), 0, 0});
        const Comparison comparison = overall(geometric_mean(shapes), 0.005);
        CHECK(comparison == (i < 8 ? Comparison::unclear : Comparison::faster));
    }
}

TEST_CASE("ratio: a shape slower than its floor is what it was measured to be", "[stats]") {
    std::vector<ShapeTiming> shapes(1);
    for (int i = 0; i < 40; ++i) {
        shapes[0].samples.push_back({300 + jitter(i), 100 + jitter(7 * i), 0, 0});
    }
    const Ratio free = geometric_mean(shapes);
    shapes[0].floor_ns = 99;
    CHECK(geometric_mean(shapes) == free);
    CHECK(free == median_ratio(shapes[0].samples));
}
