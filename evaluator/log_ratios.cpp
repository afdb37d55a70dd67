// SPDX-License-Identifier: Apache-2.0
#include "evaluator/log_ratios.hpp"

#include "evaluator/draws.hpp"
#include "evaluator/median_interval.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace kw::stats {
namespace {

constexpr int k_placements = 256;
constexpr double k_least_ns = 1e-3;       // stands for times <= 0
constexpr std::size_t k_tick_pairs = 24;  // from which the clock is known: those of the first look
constexpr double k_same_tick = 1e-6;      // ticks less apart than this are rounding

/// Median of every placement with enough pairs, of all pairs for the others; by placement.
std::array<double, k_placements> centres(
    std::span<const Sample> samples, std::span<const double> values) {
    std::array<std::uint32_t, k_placements> count{};
    for (const Sample& sample : samples) {
        ++count[sample.placement];
    }
    std::vector<double> group(values.begin(), values.end());
    std::array<double, k_placements> medians{};
    medians.fill(median_in_place(group));
    for (std::size_t placement = 0; placement < count.size(); ++placement) {
        if (count[placement] >= k_enough) {
            group.clear();
            for (std::size_t i = 0; i < values.size(); ++i) {
                if (samples[i].placement == placement) {
                    group.push_back(values[i]);
                }
            }
            medians[placement] = median_in_place(group);
        }
    }
    return medians;
}

/// Whether two groups may have the same median. Sorts them.
bool overlap(std::vector<double>& a, std::vector<double>& b) {
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    const Interval of_a = median_interval(a, 0.025, 1);
    const Interval of_b = median_interval(b, 0.025, 1);
    return !of_a.bounded || !of_b.bounded || (of_a.lo <= of_b.hi && of_b.lo <= of_a.hi);
}

/// Half the difference between the medians of the two orders goes to each.
std::vector<double> without_order_effect(std::span<const Sample> samples, std::vector<double> raw) {
    const std::array<double, k_placements> centre = centres(samples, raw);
    std::array<std::vector<double>, 2> by_order;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        by_order[samples[i].order & 1U].push_back(raw[i] - centre[samples[i].placement]);
    }
    if (by_order[0].size() < k_enough || by_order[1].size() < k_enough) {
        return raw;
    }
    // A median that could be anywhere (half of the pairs ruined) must not move the others.
    if (overlap(by_order[0], by_order[1])) {
        return raw;
    }
    const double half = (median_in_place(by_order[0]) - median_in_place(by_order[1])) / 2;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        raw[i] -= (samples[i].order & 1U) == 0 ? half : -half;
    }
    return raw;
}

/// Somewhere in [-1/2, 1/2): the same for the same number.
double dither(std::uint64_t number) {
    return Draws(number).uniform() - 0.5;
}

}  // namespace

double coarse_tick(std::span<const Sample> samples) {
    samples = samples.first(std::min(samples.size(), k_tick_pairs));
    double tick = 0;
    for (const auto contestant : {&Sample::baseline_ns, &Sample::candidate_ns}) {
        std::vector<double> times;
        for (const Sample& sample : samples) {
            times.push_back(sample.*contestant);
        }
        std::sort(times.begin(), times.end());
        std::size_t steps = 0;
        for (std::size_t i = 1; i < times.size(); ++i) {
            const double gap = times[i] - times[i - 1];
            if (gap > k_same_tick * std::abs(times[i])) {
                ++steps;
                tick = tick == 0 ? gap : std::min(tick, gap);
            }
        }
        if (2 * steps >= times.size()) {
            return 0;
        }
    }
    return tick;
}

std::vector<double> log_ratios(std::span<const Sample> samples, double floor_ns) {
    const double tick = coarse_tick(samples);
    std::vector<double> raw;
    raw.reserve(samples.size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
        double baseline = samples[i].baseline_ns;
        double candidate = samples[i].candidate_ns;
        if (tick > 0) {
            baseline += tick * dither(2 * i);
            candidate += tick * dither(2 * i + 1);
        }
        raw.push_back(
            std::log(std::max(baseline, k_least_ns) / std::max({candidate, floor_ns, k_least_ns})));
    }
    return without_order_effect(samples, std::move(raw));
}

}  // namespace kw::stats
