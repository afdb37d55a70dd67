// SPDX-License-Identifier: Apache-2.0
#include "evaluator/paired_test.hpp"

#include "core/check.hpp"
#include "evaluator/log_ratios.hpp"
#include "evaluator/median_interval.hpp"
#include "evaluator/statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace kw::stats {
namespace {

// Each look pays from the budget, so looks grow rarer: a fifth more pairs. With one every 12 pairs
// the last of 1000 pairs had a fiftieth of the budget left.
constexpr int k_look_share = 5;

/// What a decision must agree with: the median of every placement alone (`own`), and an interval
/// (98 %) of the median of all pairs without that placement (`without`).
struct PlacementMedians {
    std::vector<double> own;
    std::vector<Interval> without;
};

PlacementMedians placement_medians(
    std::span<const Sample> samples, std::span<const double> values, double effect) {
    std::array<std::uint32_t, 256> count{};
    for (const Sample& sample : samples) {
        ++count[sample.placement];
    }
    PlacementMedians medians;
    for (std::size_t placement = 0; placement < count.size(); ++placement) {
        if (count[placement] < k_enough) {
            continue;
        }
        std::vector<double> inside;
        std::vector<double> outside;
        for (std::size_t i = 0; i < values.size(); ++i) {
            (samples[i].placement == placement ? inside : outside).push_back(values[i]);
        }
        medians.own.push_back(median_in_place(inside));
        if (outside.size() >= k_enough) {
            std::sort(outside.begin(), outside.end());
            medians.without.push_back(median_interval(outside, 0.01, effect));
        }
    }
    return medians;
}

/// `sign` +1: faster, -1: slower.
bool placements_agree(const PlacementMedians& medians, double sign, double band, int needed) {
    return static_cast<int>(medians.own.size()) >= needed &&
           std::all_of(
               medians.own.begin(), medians.own.end(), [&](double m) { return sign * m > 0; }) &&
           std::all_of(medians.without.begin(), medians.without.end(), [&](const Interval& i) {
               return i.bounded && (sign > 0 ? i.lo > band : i.hi < -band);
           });
}

/// Error allowed up to `pairs`. It grows with their square: few pairs decide only what is plain.
double budget(const PairedTestOptions& options, int pairs) {
    const double part = static_cast<double>(pairs) / options.max_pairs;
    return options.alpha * part * part;
}

}  // namespace

PairedTest::PairedTest(PairedTestOptions options)
    : options_(options) {
    options_.max_pairs = std::max(options_.max_pairs, 1);
    options_.min_pairs = std::clamp(options_.min_pairs, 1, options_.max_pairs);
    options_.look_every = std::max(options_.look_every, 1);
}

void PairedTest::add(const Sample& sample) {
    KW_CHECK(std::isfinite(sample.baseline_ns) && std::isfinite(sample.candidate_ns));
    samples_.push_back(sample);
    if (state_ != PairedState::undecided) {
        return;  // the error budget is spent: more pairs sharpen the ratio, not the decision
    }
    const int n = static_cast<int>(samples_.size());
    const bool due = looked_at_ == 0 ? n >= options_.min_pairs
                                     : n - looked_at_ >=
                                           std::max(options_.look_every, looked_at_ / k_look_share);
    if (due || n == options_.max_pairs) {
        look(budget(options_, n) - budget(options_, looked_at_));
    }
}

void PairedTest::finish() {
    if (state_ != PairedState::undecided) {
        return;
    }
    if (static_cast<int>(samples_.size()) > looked_at_) {
        look(options_.alpha - budget(options_, looked_at_));
    }
    if (state_ == PairedState::undecided) {
        state_ = PairedState::exhausted;
    }
}

// Every look uses only what was added to the budget since the one before: by the union bound all
// looks together err with at most `alpha`.
void PairedTest::look(double alpha) {
    looked_at_ = static_cast<int>(samples_.size());
    const std::vector<double> values = log_ratios(samples_);
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    const std::size_t n = sorted.size();
    const double centre = (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
    const double effect = design_effect(values, centre);
    const Interval strict = median_interval(sorted, alpha / 2, effect);
    const Interval usual = median_interval(sorted, 0.025, effect);
    const PlacementMedians medians = placement_medians(samples_, values, effect);
    const double band = std::log1p(options_.dead_band);
    const int needed = n < k_enough ? 0 : options_.min_placements;

    const auto decide = [&](Comparison comparison) {
        comparison_ = comparison;
        state_ = PairedState::decided;
    };
    const auto inside = [&](double m) {
        return std::abs(m) < band;
    };
    if (strict.bounded && strict.lo > band && placements_agree(medians, 1, band, needed)) {
        decide(Comparison::faster);
    } else if (strict.bounded && strict.hi < -band && placements_agree(medians, -1, band, needed)) {
        decide(Comparison::slower);
    } else if (
        usual.bounded && usual.lo > -band && usual.hi < band &&
        usual.hi - usual.lo <= 2 * options_.want_half_width &&
        std::all_of(medians.own.begin(), medians.own.end(), inside)) {
        decide(Comparison::same);
    } else if (
        looked_at_ >= options_.max_pairs ||
        (strict.bounded && strict.lo <= band && strict.hi >= -band &&
         strict.hi - strict.lo <= 2 * options_.want_half_width)) {
        state_ = PairedState::exhausted;
    }
}

PairedState PairedTest::state() const {
    return state_;
}

Comparison PairedTest::comparison() const {
    return comparison_;
}

Ratio PairedTest::ratio() const {
    return median_ratio(samples_);
}

}  // namespace kw::stats
