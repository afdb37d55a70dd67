// SPDX-License-Identifier: Apache-2.0
#include "evaluator/statistics.hpp"

#include "evaluator/log_ratios.hpp"
#include "evaluator/median_interval.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

namespace kw::stats {
namespace {

constexpr double k_widen = 2.807 / 1.96;  // 95 % -> 99.5 % for a normal estimate
constexpr double k_strict_tail = 0.0025;  // what overall() asks for
constexpr double k_tail = 0.025;          // of a median's interval, on each side

/// A mean of medians of logarithms, with how far it may be off on either side.
struct Estimate {
    double value = 0;
    double below = 0;
    double above = 0;
};

Estimate estimate(std::span<const Sample> samples, double floor_ns) {
    std::vector<double> values = log_ratios(samples, floor_ns);
    const double centre = median(values);
    const double effect = design_effect(values, centre);
    std::sort(values.begin(), values.end());
    if (median_interval(values, k_strict_tail, effect).bounded) {
        const Interval interval = median_interval(values, k_tail, effect);
        return {centre, centre - interval.lo, interval.hi - centre};
    }
    // Too few to call a difference: the interval reaches none. Widened it would be from the least
    // to the largest ratio, and one preempted call makes those anything.
    Interval interval = median_interval(values, k_tail, 1);
    if (!interval.bounded) {
        interval = {values.front(), values.back(), false};
    }
    return {centre, centre - std::min(interval.lo, 0.0), std::max(interval.hi, 0.0) - centre};
}

/// Of a shape that has its speed-up and no samples.
Estimate estimate(const ShapeTiming& shape) {
    const double possible = shape.floor_ns > 0 && shape.baseline_ns > 0
                                ? shape.baseline_ns / shape.floor_ns
                                : std::numeric_limits<double>::infinity();
    const double value = std::min(shape.speedup.value, possible);
    return {
        std::log(value),
        std::log(value / std::min(shape.speedup.lo, value)),
        std::log(std::max(std::min(shape.speedup.hi, possible), value) / value)};
}

Ratio to_ratio(const Estimate& e) {
    return {std::exp(e.value), std::exp(e.value - e.below), std::exp(e.value + e.above)};
}

}  // namespace

double median(std::span<const double> values) {
    std::vector<double> copy(values.begin(), values.end());
    return median_in_place(copy);
}

Ratio median_ratio(std::span<const Sample> samples) {
    return samples.empty() ? Ratio{} : to_ratio(estimate(samples, 0));
}

// Shapes are measured independently: their widths add in squares.
Ratio geometric_mean(std::span<const ShapeTiming> shapes) {
    Estimate sum;
    double below = 0, above = 0;
    int counted = 0;
    for (const ShapeTiming& shape : shapes) {
        Estimate one;
        if (!shape.samples.empty()) {
            one = estimate(shape.samples, shape.floor_ns);
        } else if (shape.speedup.value > 0 && shape.speedup.lo > 0) {
            one = estimate(shape);
        } else {
            continue;
        }
        sum.value += one.value;
        below += one.below * one.below;
        above += one.above * one.above;
        ++counted;
    }
    if (counted == 0) {
        return {};
    }
    return to_ratio({sum.value / counted, std::sqrt(below) / counted, std::sqrt(above) / counted});
}

Comparison overall(const Ratio& mean, double dead_band) {
    if (mean.value <= 0 || mean.lo <= 0 || mean.hi < mean.lo) {
        return Comparison::unclear;
    }
    const double band = std::log1p(dead_band);
    const double value = std::log(mean.value);
    const double lo = std::log(mean.lo);
    const double hi = std::log(mean.hi);
    if (value - k_widen * (value - lo) > band) {
        return Comparison::faster;
    }
    if (value + k_widen * (hi - value) < -band) {
        return Comparison::slower;
    }
    return lo > -band && hi < band ? Comparison::same : Comparison::unclear;
}

}  // namespace kw::stats
