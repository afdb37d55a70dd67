// SPDX-License-Identifier: Apache-2.0
// Where the median of a machine's pairs lies, from a stretch of them: without assumptions on their
// distribution, and with their resemblance to neighbours accounted for. Pure arithmetic.
#pragma once

#include <span>
#include <vector>

namespace kw::stats {

/// The middle one, or the mean of the two in the middle; 0 for none. Reorders `values`.
[[nodiscard]] double median_in_place(std::vector<double>& values);

struct Interval {
    double lo = 0;
    double hi = 0;
    bool bounded = false;  ///< false: too few values for this confidence
};

/// How many times more pairs than independent ones would give this certainty: 1 + 2 * sum of the
/// autocorrelations of "above `centre`", and something more for few pairs, which may look
/// independent by chance. `values`: logarithms of ratios in time order; `centre`: their median.
/// >= 1.
[[nodiscard]] double design_effect(std::span<const double> values, double centre);

/// Order-statistic interval of the median (inverted sign test): exact for independent pairs
/// whatever their distribution, widened by the design effect. `tail`: error allowed on each side.
[[nodiscard]] Interval median_interval(std::span<const double> sorted, double tail, double effect);

}  // namespace kw::stats
