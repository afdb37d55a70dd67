// SPDX-License-Identifier: Apache-2.0
// Summaries of samples: medians, ratios with intervals, the mean over shapes. Pure arithmetic; the
// decisions are paired_test.hpp.
#pragma once

#include "core/evaluation.hpp"

#include <span>

namespace kw::stats {

[[nodiscard]] double median(std::span<const double> values);  ///< 0 for none

/// Median ratio baseline/candidate with its order-statistic interval (95 %, median_interval.hpp);
/// all zero for no samples.
[[nodiscard]] Ratio median_ratio(std::span<const Sample> samples);

/// Geometric mean over shapes; their intervals add in squares. A candidate's time below a shape's
/// floor counts as the floor, pair by pair: what no kernel can do never lifts the mean. A shape
/// without samples counts by its speed-up, but no more than its baseline takes to its floor.
[[nodiscard]] Ratio geometric_mean(std::span<const ShapeTiming> shapes);
/// faster/slower when the interval of the mean, widened from 95 % to 99.5 %, lies beyond the dead
/// band; same when the 95 % interval lies inside it.
[[nodiscard]] Comparison overall(const Ratio& mean, double dead_band);

}  // namespace kw::stats
