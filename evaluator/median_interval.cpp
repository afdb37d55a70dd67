// SPDX-License-Identifier: Apache-2.0
#include "evaluator/median_interval.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace kw::stats {
namespace {

constexpr double k_calm_spread = 0.03;  // paired spread of work that is not bound by memory
// Pairs correlated by 0.5 look independent in one stretch of 50 out of 100: false decisions came
// from those. 24 pairs count as 14, 300 as 285, unless the median lies so many spreads from no
// difference that no resemblance could have brought it there.
constexpr double k_few = 16;
constexpr double k_plain = 4;

/// Largest rank k with P(Binomial(n, 1/2) < k) <= tail.
int tail_rank(int n, double tail) {
    // What lies ten standard deviations below the mean is no part of any tail that is asked for.
    int rank = std::max(0, static_cast<int>(n / 2.0 - 5 * std::sqrt(n)));
    double term = std::exp(
        std::lgamma(n + 1.0) - std::lgamma(rank + 1.0) - std::lgamma(n - rank + 1.0) -
        n * std::log(2.0));
    double below = 0;
    while (rank < n / 2) {
        below += term;
        if (below > tail) {
            break;
        }
        term *= static_cast<double>(n - rank) / (rank + 1);
        ++rank;
    }
    return rank;
}

}  // namespace

double median_in_place(std::vector<double>& values) {
    if (values.empty()) {
        return 0;
    }
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1) {
        return *middle;
    }
    return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

// Falling (Bartlett) weights over 1.5 sqrt(n) lags. The wider the pairs spread, the nearer to the
// estimate's upper limit: memory-bound work (spread 5-20 %) has slow phases that few pairs cannot
// show, compute-bound work (1-3 %) has not.
double design_effect(std::span<const double> values, double centre) {
    const std::size_t size = values.size();
    const auto n = static_cast<double>(size);
    std::vector<signed char> side(size);
    std::vector<double> distance(size);
    for (std::size_t i = 0; i < size; ++i) {
        side[i] = static_cast<signed char>((values[i] > centre) - (values[i] < centre));
        distance[i] = std::abs(values[i] - centre);
    }
    const double spread = 1.4826 * median_in_place(distance);
    const auto lags = static_cast<std::size_t>(1.5 * std::sqrt(n));
    double sum = 0;
    for (std::size_t lag = 1; lag <= lags && lag < size; ++lag) {
        int agree = 0;
        for (std::size_t i = lag; i < size; ++i) {
            agree += side[i] * side[i - lag];
        }
        sum += (1.0 - static_cast<double>(lag) / static_cast<double>(lags + 1)) * agree;
    }
    const auto window = static_cast<double>(lags);
    const double raw = 1.0 + 2.0 * sum / n;
    const double unbiased = raw > 1.0 ? raw * (1.0 + window / n) : raw;
    const double deviation = std::sqrt(4.0 * window / 3.0 / n);
    const double caution = std::clamp(spread / k_calm_spread - 1.0, 0.0, 2.0);
    const double few = std::abs(centre) < k_plain * spread ? k_few : 0.0;
    return std::max(1.0, unbiased * (1.0 + caution * deviation)) * (1.0 + few / n);
}

Interval median_interval(std::span<const double> sorted, double tail, double effect) {
    const int n = static_cast<int>(sorted.size());
    const int rank = tail_rank(n, tail);
    const double centre = (n + 1) / 2.0;
    const int widened = static_cast<int>(std::floor(centre - (centre - rank) * std::sqrt(effect)));
    if (rank < 1 || widened < 1) {
        return {};
    }
    return {
        sorted[static_cast<std::size_t>(widened - 1)],
        sorted[static_cast<std::size_t>(n - widened)],
        true};
}

}  // namespace kw::stats
