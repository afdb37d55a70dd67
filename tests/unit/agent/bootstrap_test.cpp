// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/bootstrap.hpp"

#include "evaluator/draws.hpp"
#include "evaluator/simulated_pairs.hpp"
#include "tests/support/catch.hpp"

#include <cmath>
#include <numeric>
#include <vector>

using namespace kw;
using namespace kw::agent;

namespace {

constexpr int k_sets = 600;
constexpr std::size_t k_values = 40;

struct Covered {
    int holds = 0;
    int below = 0;  ///< intervals that lie below the truth
    int above = 0;
};

/// How often the interval of `interval_of(draws)` holds `truth`.
template <class IntervalOf>
Covered coverage(double truth, IntervalOf interval_of) {
    stats::Draws draws(11);
    Covered covered;
    for (int set = 0; set < k_sets; ++set) {
        const Ratio interval = interval_of(draws);
        covered.below += interval.hi < truth ? 1 : 0;
        covered.above += interval.lo > truth ? 1 : 0;
        covered.holds += interval.lo <= truth && truth <= interval.hi ? 1 : 0;
    }
    return covered;
}

/// What one can say of the probability after k_sets: neither far below nor above 95 %.
void check_near_95(const Covered& covered) {
    INFO(covered.holds << " of " << k_sets);
    CHECK(stats::at_most(covered.holds, k_sets) > 0.93);
    CHECK(stats::at_least(covered.holds, k_sets) < 0.965);
}

BootstrapOptions options() {
    BootstrapOptions out;
    out.resamples = 500;
    return out;
}

}  // namespace

TEST_CASE("bootstrap: the interval of a mean of normal values holds it as often as it says") {
    check_near_95(coverage(std::exp(0.3), [](stats::Draws& draws) {
        std::vector<double> logs(k_values);
        for (double& log : logs) {
            log = 0.3 + draws.normal();
        }
        return geometric_mean_interval(logs, options());
    }));
}

TEST_CASE("bootstrap: skewed values leave about as many intervals below the truth as above") {
    // exp(N(0, 0.6)): its mean is exp(0.18). Percentile intervals would miss on one side.
    const Covered covered = coverage(std::exp(std::exp(0.18)), [](stats::Draws& draws) {
        std::vector<double> logs(k_values);
        for (double& log : logs) {
            log = std::exp(0.6 * draws.normal());
        }
        return geometric_mean_interval(logs, options());
    });
    INFO(covered.below << " below, " << covered.above << " above");
    CHECK(covered.holds > k_sets * 0.91);
    CHECK(covered.below < k_sets * 0.06);
    CHECK(covered.above < k_sets * 0.06);
}

TEST_CASE("bootstrap: a paired ratio holds the truth and is the tighter the more pairs share") {
    double paired_width = 0;
    double apart_width = 0;
    const Covered covered = coverage(std::exp(0.1), [&](stats::Draws& draws) {
        std::vector<double> a(k_values);
        std::vector<double> b(k_values);
        for (std::size_t i = 0; i < k_values; ++i) {
            const double task = 2 * draws.normal();
            a[i] = task + 0.1 + 0.2 * draws.normal();
            b[i] = task + 0.2 * draws.normal();
        }
        const Ratio alone = geometric_mean_interval(a, options());
        const Ratio ratio = paired_ratio(a, b, options());
        apart_width += std::log(alone.hi / alone.lo);
        paired_width += std::log(ratio.hi / ratio.lo);
        return ratio;
    });
    check_near_95(covered);
    CHECK(paired_width * 4 < apart_width);
}

TEST_CASE("bootstrap: the interval of a median holds it") {
    const Covered covered = coverage(0, [](stats::Draws& draws) {
        std::vector<double> values(k_values);
        for (double& value : values) {
            value = draws.normal();
        }
        const Statistic median = [](std::span<const double> some) {
            std::vector<double> sorted(some.begin(), some.end());
            std::ranges::nth_element(sorted, sorted.begin() + k_values / 2);
            return sorted[k_values / 2];
        };
        BootstrapOptions fewer = options();
        fewer.resamples = 200;
        return bootstrap(values, median, fewer);
    });
    CHECK(covered.holds > k_sets * 0.90);
}

TEST_CASE("bootstrap: the same values give the same interval and another seed nearly the same") {
    const std::vector<double> logs = {0.1, 0.5, -0.2, 0.9, 0.3, 0.2, 0.7};
    BootstrapOptions other;
    other.seed = 2;
    const Ratio one = geometric_mean_interval(logs, {});
    CHECK(one == geometric_mean_interval(logs, {}));
    const Ratio two = geometric_mean_interval(logs, other);
    CHECK(two.value == one.value);
    CHECK(two.lo == Approx(one.lo).epsilon(0.05));
    CHECK(one.lo < one.value);
    CHECK(one.value < one.hi);
}

TEST_CASE("bootstrap: equal values have an interval without width") {
    const std::vector<double> same(5, std::log(2.0));
    const Ratio interval = geometric_mean_interval(same, {});
    CHECK(interval.lo == Approx(2));
    CHECK(interval.hi == Approx(2));
    CHECK(paired_ratio(same, same, {}) == Ratio{1, 1, 1});
    CHECK_THROWS(geometric_mean_interval(std::vector<double>{1.0}, {}));
}

TEST_CASE("bootstrap: normal quantiles are those of tables") {
    CHECK(normal_quantile(0.5) == Approx(0).margin(1e-9));
    CHECK(normal_quantile(0.975) == Approx(1.959964).epsilon(1e-6));
    CHECK(normal_quantile(0.001) == Approx(-3.090232).epsilon(1e-6));
}
