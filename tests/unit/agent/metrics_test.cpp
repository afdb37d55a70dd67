// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/metrics.hpp"

#include "agent/metrics/speedup_curve.hpp"
#include "evaluator/draws.hpp"
#include "tests/support/catch.hpp"

#include <cmath>
#include <numeric>
#include <vector>

using namespace kw;
using namespace kw::agent;

namespace {

std::vector<TaskOutcome> random_tasks(stats::Draws& draws, std::size_t count) {
    std::vector<TaskOutcome> tasks(count);
    for (TaskOutcome& task : tasks) {
        task.correct = draws.chance(0.7);
        task.speedup = std::exp(draws.normal());
        task.sol = draws.uniform();
    }
    return tasks;
}

/// C(samples - correct, k) / C(samples, k) by counting every draw of k samples.
double none_correct_by_counting(int samples, int correct, int k) {
    std::int64_t all = 0;
    std::int64_t none = 0;
    for (unsigned set = 0; set < 1U << samples; ++set) {
        if (__builtin_popcount(set) == k) {
            ++all;
            none += (set & ((1U << correct) - 1)) == 0 ? 1 : 0;
        }
    }
    return static_cast<double>(none) / static_cast<double>(all);
}

Progress at_calls(double calls, double speedup) {
    return {{calls, calls * 100, 0, calls * 3}, speedup};
}

}  // namespace

TEST_CASE("metrics: figures computed by hand") {
    const std::vector<TaskOutcome> tasks = {
        {true, 2, 0.5}, {true, 0.5, 0.25}, {false, 99, 9}, {true, 4, 0.75}};
    CHECK(fast_p(tasks, 0) == 0.75);
    CHECK(fast_p(tasks, 0.8) == 0.5);
    CHECK(fast_p(tasks, 2) == 0.25);  // faster than, not as fast as
    CHECK(*geometric_mean_correct(tasks) == Approx(std::cbrt(4.0)));
    CHECK(geometric_mean_all(tasks) == Approx(std::pow(4.0, 0.25)));
    CHECK(mean_sol(tasks) == Approx(1.5 / 4));
}

TEST_CASE("metrics: no task and no solved task have defined values") {
    CHECK(fast_p({}, 0) == 0);
    CHECK(geometric_mean_all({}) == 1);
    CHECK_FALSE(geometric_mean_correct({}).has_value());
    const std::vector<TaskOutcome> failed(3);
    CHECK(geometric_mean_all(failed) == 1);
    CHECK_FALSE(geometric_mean_correct(failed).has_value());
    CHECK(mean_sol(failed) == 0);
}

TEST_CASE("metrics: losing a slow task lifts the mean over solved ones only") {
    const std::vector<TaskOutcome> both = {{true, 3, 0}, {true, 1.2, 0}};
    const std::vector<TaskOutcome> lost = {{true, 3, 0}, {false, 1.2, 0}};
    CHECK(*geometric_mean_correct(lost) > *geometric_mean_correct(both));
    CHECK(geometric_mean_all(lost) < geometric_mean_all(both));
    CHECK(fast_p(lost, 0) < fast_p(both, 0));
}

TEST_CASE("metrics: fast_p falls with its threshold and stays a share") {
    stats::Draws draws(7);
    for (int round = 0; round < 200; ++round) {
        const auto tasks = random_tasks(draws, 1 + draws.below(20));
        double before = 1;
        for (const double p : k_fast_thresholds) {
            const double now = fast_p(tasks, p);
            CHECK((now >= 0 && now <= before));
            before = now;
        }
    }
}

TEST_CASE("metrics: means scale with the speed-ups") {
    stats::Draws draws(8);
    for (int round = 0; round < 200; ++round) {
        auto tasks = random_tasks(draws, 1 + draws.below(20));
        const auto before = geometric_mean_correct(tasks);
        for (TaskOutcome& task : tasks) {
            task.speedup *= 1.5;
        }
        const auto after = geometric_mean_correct(tasks);
        REQUIRE(before.has_value() == after.has_value());
        if (before) {
            CHECK(*after == Approx(1.5 * *before));
        }
    }
}

TEST_CASE("metrics: pass@k is the share of draws that hold a correct sample") {
    for (int samples = 1; samples <= 8; ++samples) {
        for (int correct = 0; correct <= samples; ++correct) {
            for (int k = 1; k <= samples; ++k) {
                CHECK(
                    pass_at_k(samples, correct, k) ==
                    Approx(1 - none_correct_by_counting(samples, correct, k)).margin(1e-12));
            }
        }
    }
    CHECK(pass_at_k(200'000, 100, 100'000) == Approx(1));
    CHECK_THROWS(pass_at_k(3, 4, 1));
    CHECK_THROWS(pass_at_k(3, 1, 4));
}

TEST_CASE("metrics: the gap to the roof is closed from the baseline's side") {
    // baseline 10 us, roof 2 us, kernel 4 us: 6 of 8 us are gone.
    CHECK(*gap_closed(10.0 / 4, 2.0 / 4) == Approx(0.75));
    CHECK(*gap_closed(1, 0.2) == 0);
    CHECK(*gap_closed(5, 1) == Approx(1));
    CHECK(*gap_closed(0.5, 0.1) < 0);
    CHECK_FALSE(gap_closed(1, 1).has_value());
}

TEST_CASE("speed-up curve: a staircase that jumps where a kernel was found") {
    const std::vector<Progress> progress = {at_calls(1, 1.5), at_calls(3, 2), at_calls(3, 4)};
    const SpeedupCurve curve = speedup_curve(progress, CostUnit::calls, 0.5);
    CHECK(speedup_at(curve, 0.9) == 0.5);
    CHECK(speedup_at(curve, 1) == 1.5);
    CHECK(speedup_at(curve, 2.9) == 1.5);
    CHECK(speedup_at(curve, 3) == 4);  // of two at one cost the last
    CHECK(speedup_at(curve, 1e9) == 4);
    const SpeedupCurve seconds = speedup_curve(progress, CostUnit::seconds);
    CHECK(speedup_at(seconds, 8.9) == 1.5);
    CHECK(speedup_at(seconds, 2) == 1);
}

TEST_CASE("speed-up curve: its mean height is the area by hand") {
    const std::vector<Progress> progress = {at_calls(1, 2), at_calls(3, 8)};
    const SpeedupCurve curve = speedup_curve(progress, CostUnit::calls);
    // 1 for one call, 2 for two calls, 8 for one: 2^2 * 8 = 32, fourth root.
    CHECK(mean_height(curve, 4) == Approx(std::pow(32.0, 0.25)));
    CHECK(mean_height(curve, 1) == Approx(1));
    CHECK(mean_height(curve, 3) == Approx(std::pow(4.0, 1.0 / 3)));
    CHECK(mean_height(speedup_curve({}, CostUnit::usd, 3), 5) == Approx(3));
}

TEST_CASE("speed-up curve: an earlier find of the same kernel is worth more") {
    stats::Draws draws(9);
    for (int round = 0; round < 100; ++round) {
        const double find = 1 + std::floor(draws.uniform() * 8);
        const std::vector<Progress> early = {at_calls(find, 3)};
        const std::vector<Progress> late = {at_calls(find + 1, 3)};
        const auto curve = [](const auto& progress) {
            return speedup_curve(progress, CostUnit::calls);
        };
        CHECK(mean_height(curve(early), 10) > mean_height(curve(late), 10));
        CHECK(speedup_at(curve(early), 10) == speedup_at(curve(late), 10));
        CHECK(mean_height(curve(early), 10) <= 3);
    }
}
