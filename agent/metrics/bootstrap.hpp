// SPDX-License-Identifier: Apache-2.0
// Intervals by resampling (Efron and Tibshirani, An Introduction to the Bootstrap, 1993): of a
// statistic of runs or tasks whose distribution nobody knows. The unit that is resampled must be
// independent of the others: a run, a task, a pair of runs on the same seed; never a step of a run.
#pragma once

#include "core/evaluation.hpp"

#include <cstdint>
#include <functional>
#include <span>

namespace kw::agent {

struct BootstrapOptions {
    int resamples = 2000;
    double level = 0.95;
    std::uint64_t seed = 1;  ///< the interval is a pure function of values and options
};

using Statistic = std::function<double(std::span<const double>)>;

/// The statistic with its BCa interval: percentiles corrected for bias and for acceleration
/// (jackknife, so `values.size()` calls more). At least two values. A statistic that no resample
/// changes has an interval without width.
[[nodiscard]] Ratio bootstrap(
    std::span<const double> values, const Statistic& statistic, const BootstrapOptions& options);

/// exp of the mean of logarithms, with its interval.
[[nodiscard]] Ratio geometric_mean_interval(
    std::span<const double> logs, const BootstrapOptions& options);

/// Geometric mean of a[i] / b[i], from logarithms, with its interval. a[i] and b[i] are the same
/// task, seed or run: pairs are resampled together, so what both share does not widen it.
[[nodiscard]] Ratio paired_ratio(
    std::span<const double> a_logs,
    std::span<const double> b_logs,
    const BootstrapOptions& options);

/// Quantile of the standard normal distribution, 0 < p < 1.
[[nodiscard]] double normal_quantile(double p);

}  // namespace kw::agent
