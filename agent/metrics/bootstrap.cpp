// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/bootstrap.hpp"

#include "core/check.hpp"
#include "evaluator/draws.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <vector>

namespace kw::agent {

namespace {

double normal_cdf(double z) {
    return std::erfc(-z / std::numbers::sqrt2) / 2;
}

double mean(std::span<const double> values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::vector<double> resampled(
    std::span<const double> values, const Statistic& statistic, const BootstrapOptions& options) {
    stats::Draws draws(options.seed);
    std::vector<double> sample(values.size());
    std::vector<double> found(static_cast<std::size_t>(options.resamples));
    for (double& one : found) {
        for (double& value : sample) {
            value = values[draws.below(values.size())];
        }
        one = statistic(sample);
    }
    std::ranges::sort(found);
    return found;
}

/// How much the standard error changes with the value: skewness of the jackknife, over six.
double acceleration(std::span<const double> values, const Statistic& statistic) {
    std::vector<double> left_out(values.size());
    std::vector<double> rest(values.begin() + 1, values.end());
    for (std::size_t i = 0; i < values.size(); ++i) {
        left_out[i] = statistic(rest);
        if (i < rest.size()) {
            rest[i] = values[i];
        }
    }
    const double centre = mean(left_out);
    double squares = 0;
    double cubes = 0;
    for (const double one : left_out) {
        const double off = centre - one;
        squares += off * off;
        cubes += off * off * off;
    }
    return squares > 0 ? cubes / (6 * std::pow(squares, 1.5)) : 0;
}

/// By linear interpolation between order statistics.
double quantile(const std::vector<double>& sorted, double share) {
    const double at = std::clamp(share, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

Ratio exponential(const Ratio& logs) {
    return {std::exp(logs.value), std::exp(logs.lo), std::exp(logs.hi)};
}

}  // namespace

double normal_quantile(double p) {
    KW_CHECK(p > 0 && p < 1);
    double lo = -40;
    double hi = 40;
    for (int i = 0; i < 80; ++i) {
        const double middle = (lo + hi) / 2;
        (normal_cdf(middle) < p ? lo : hi) = middle;
    }
    return (lo + hi) / 2;
}

Ratio bootstrap(
    std::span<const double> values, const Statistic& statistic, const BootstrapOptions& options) {
    KW_CHECK(values.size() >= 2 && options.resamples >= 2);
    KW_CHECK(options.level > 0 && options.level < 1);
    const double value = statistic(values);
    const std::vector<double> found = resampled(values, statistic, options);
    if (found.front() == found.back()) {
        return {value, found.front(), found.back()};
    }
    const auto below = std::ranges::lower_bound(found, value) - found.begin();
    const auto same = std::ranges::upper_bound(found, value) - found.begin() - below;
    const double count = static_cast<double>(found.size());
    // Resamples that hit the value are split, and none of the shares reaches 0 or 1.
    const double share =
        (static_cast<double>(below) + static_cast<double>(same) / 2 + 0.5) / (count + 1);
    const double bias = normal_quantile(share);
    const double skew = acceleration(values, statistic);
    const auto corrected = [&](double tail) {
        const double z = bias + normal_quantile(tail);
        return normal_cdf(bias + z / (1 - skew * z));
    };
    const double tail = (1 - options.level) / 2;
    return {value, quantile(found, corrected(tail)), quantile(found, corrected(1 - tail))};
}

Ratio geometric_mean_interval(std::span<const double> logs, const BootstrapOptions& options) {
    return exponential(bootstrap(logs, mean, options));
}

Ratio paired_ratio(
    std::span<const double> a_logs,
    std::span<const double> b_logs,
    const BootstrapOptions& options) {
    KW_CHECK(a_logs.size() == b_logs.size());
    std::vector<double> differences(a_logs.size());
    for (std::size_t i = 0; i < differences.size(); ++i) {
        differences[i] = a_logs[i] - b_logs[i];
    }
    return geometric_mean_interval(differences, options);
}

}  // namespace kw::agent
