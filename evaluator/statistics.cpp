// SPDX-License-Identifier: Apache-2.0
#include "evaluator/statistics.hpp"

#include "core/check.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace kw::stats {
namespace {

constexpr std::size_t k_enough = 8;  // pairs from which a group's median says anything
constexpr int k_resamples = 1000;    // bootstrap
constexpr std::size_t k_block = 4;   // neighbours are resampled together: they resemble each other
constexpr double k_least_ns = 1e-3;  // stands for times <= 0 after the null call was subtracted
constexpr double k_calm_spread = 0.03;    // paired spread of work that is not bound by memory
constexpr double k_widen = 2.807 / 1.96;  // 95 % -> 99.5 % for a normal estimate

struct Interval {
    double lo = 0;
    double hi = 0;
    bool bounded = false;  ///< false: too few values for this confidence
};

/// Deterministic numbers for resampling (splitmix64); results must not depend on the platform.
class Draws {
public:
    explicit Draws(std::uint64_t seed)
        : state_(seed) {}
    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }
    std::size_t below(std::size_t bound) {
        return static_cast<std::size_t>(((next() >> 32) * static_cast<std::uint64_t>(bound)) >> 32);
    }
    /// Sum of twelve uniforms: normal enough to spread a summary that has no samples.
    double normal() {
        double sum = -6;
        for (int i = 0; i < 12; ++i) {
            sum += static_cast<double>(next() >> 11) * 0x1p-53;
        }
        return sum;
    }

private:
    std::uint64_t state_;
};

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

double log_ratio(const Sample& sample) {
    return std::log(
        std::max(sample.baseline_ns, k_least_ns) / std::max(sample.candidate_ns, k_least_ns));
}

/// Median of every placement with enough pairs, of all pairs for the others; by placement.
std::array<double, 256> centres(std::span<const Sample> samples, std::span<const double> values) {
    std::array<std::vector<double>, 256> groups;
    for (std::size_t i = 0; i < values.size(); ++i) {
        groups[samples[i].placement].push_back(values[i]);
    }
    std::array<double, 256> medians{};
    medians.fill(median(values));
    for (std::size_t placement = 0; placement < groups.size(); ++placement) {
        if (groups[placement].size() >= k_enough) {
            medians[placement] = median_in_place(groups[placement]);
        }
    }
    return medians;
}

/// log(baseline/candidate) in time order, with the effect of who went first taken out: half the
/// difference between the medians of the two orders, each placement counted from its own median.
std::vector<double> log_ratios(std::span<const Sample> samples) {
    std::vector<double> all;
    all.reserve(samples.size());
    for (const Sample& sample : samples) {
        all.push_back(log_ratio(sample));
    }
    const std::array<double, 256> centre = centres(samples, all);
    std::array<std::vector<double>, 2> by_order;
    for (std::size_t i = 0; i < all.size(); ++i) {
        by_order[samples[i].order & 1U].push_back(all[i] - centre[samples[i].placement]);
    }
    if (by_order[0].size() < k_enough || by_order[1].size() < k_enough) {
        return all;
    }
    const double half = (median_in_place(by_order[0]) - median_in_place(by_order[1])) / 2;
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i] -= (samples[i].order & 1U) == 0 ? half : -half;
    }
    return all;
}

/// How many times more pairs than independent ones would give this certainty: 1 + 2 * sum of the
/// autocorrelations of "above the median", with falling (Bartlett) weights over 1.5 sqrt(n) lags.
/// >= 1. The wider the pairs spread, the nearer to the estimate's upper limit: memory-bound work
/// (spread 5-20 %) has slow phases that few pairs cannot show, compute-bound work (1-3 %) has not.
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
    return std::max(1.0, unbiased * (1.0 + caution * deviation));
}

/// Order-statistic interval of the median (inverted sign test): exact for independent pairs
/// whatever their distribution, widened by the design effect. `tail`: error allowed on each side.
Interval median_interval(std::span<const double> sorted, double tail, double effect) {
    const int n = static_cast<int>(sorted.size());
    // Largest rank k with P(Binomial(n, 1/2) < k) <= tail.
    int rank = 0;
    double log_term = -static_cast<double>(n) * std::log(2.0);
    double below = 0;
    while (rank < n / 2) {
        below += std::exp(log_term);
        if (below > tail) {
            break;
        }
        log_term += std::log(static_cast<double>(n - rank) / static_cast<double>(rank + 1));
        ++rank;
    }
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

/// Fills `out` with values.size() values drawn in runs of neighbours (circular moving blocks).
void resample(std::span<const double> values, Draws& draws, std::vector<double>& out) {
    const std::size_t n = values.size();
    const std::size_t block = n >= 4 * k_block ? k_block : 1;
    out.clear();
    while (out.size() < n) {
        std::size_t from = draws.below(n);
        for (std::size_t i = 0; i < block && out.size() < n; ++i) {
            out.push_back(values[from]);
            from = from + 1 == n ? 0 : from + 1;
        }
    }
}

/// Error allowed up to `pairs`. It grows with their square: few pairs decide only what is plain.
double budget(const PairedTestOptions& options, int pairs) {
    const double part = static_cast<double>(pairs) / options.max_pairs;
    return options.alpha * part * part;
}

Ratio to_ratio(double value, std::vector<double>& resampled) {
    const double lo = std::min(value, quantile(resampled, 0.025));
    const double hi = std::max(value, quantile(resampled, 0.975));
    return {std::exp(value), std::exp(lo), std::exp(hi)};
}

}  // namespace

double median(std::span<const double> values) {
    std::vector<double> copy(values.begin(), values.end());
    return median_in_place(copy);
}

double quantile(std::span<const double> values, double q) {
    if (values.empty()) {
        return 0;
    }
    std::vector<double> sorted(values.begin(), values.end());
    std::sort(sorted.begin(), sorted.end());
    const double at = std::clamp(q, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

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
    const bool due =
        looked_at_ == 0 ? n >= options_.min_pairs : n - looked_at_ >= options_.look_every;
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
    if (samples_.empty()) {
        return {};
    }
    const std::vector<double> values = log_ratios(samples_);
    Draws draws(0x6b77726174696f31U);
    std::vector<double> drawn;
    std::vector<double> medians(k_resamples);
    for (double& m : medians) {
        resample(values, draws, drawn);
        m = median_in_place(drawn);
    }
    return to_ratio(median(values), medians);
}

Ratio geometric_mean(std::span<const ShapeTiming> shapes) {
    Draws draws(0x6b776d65616e3031U);
    std::vector<double> drawn;
    std::vector<double> sums(k_resamples, 0.0);
    double value = 0;
    int counted = 0;
    for (const ShapeTiming& shape : shapes) {
        if (!shape.samples.empty()) {
            const std::vector<double> values = log_ratios(shape.samples);
            value += median(values);
            for (double& sum : sums) {
                resample(values, draws, drawn);
                sum += median_in_place(drawn);
            }
        } else if (shape.speedup.value > 0 && shape.speedup.lo > 0) {
            const double centre = std::log(shape.speedup.value);
            const double sigma = std::log(shape.speedup.hi / shape.speedup.lo) / (2 * 1.96);
            value += centre;
            for (double& sum : sums) {
                sum += centre + sigma * draws.normal();
            }
        } else {
            continue;
        }
        ++counted;
    }
    if (counted == 0) {
        return {};
    }
    for (double& sum : sums) {
        sum /= counted;
    }
    return to_ratio(value / counted, sums);
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
