// SPDX-License-Identifier: Apache-2.0
#include "evaluator/simulated_pairs.hpp"

#include "core/check.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace kw::stats {
namespace {

constexpr std::array k_noises = {
    Noise::normal,
    Noise::student_3,
    Noise::student_2,
    Noise::bimodal,
    Noise::drift,
    Noise::throttled,
    Noise::timer_32ns,
    Noise::timer_500ns,
    Noise::autocorrelated,
    Noise::outlier,
    Noise::order_effect};

constexpr int k_throttled_from = 40;
constexpr int k_throttled_to = 100;
constexpr double k_neighbours = 0.5;  // correlation
constexpr double k_first_is_slower = 0.04;
constexpr double k_longest_log = 15;  // of one call's disturbance: 3e6 times its length

double student(Draws& draws, int freedom) {
    double squares = 0;
    for (int i = 0; i < freedom; ++i) {
        const double z = draws.normal();
        squares += z * z;
    }
    return draws.normal() / std::sqrt(squares / freedom);
}

/// P(Binomial(runs, p) <= hits).
double binomial_cdf(std::int64_t hits, std::int64_t runs, double p) {
    const auto n = static_cast<double>(runs);
    double sum = 0;
    for (std::int64_t k = 0; k <= hits; ++k) {
        const auto x = static_cast<double>(k);
        sum += std::exp(
            std::lgamma(n + 1) - std::lgamma(x + 1) - std::lgamma(n - x + 1) + x * std::log(p) +
            (n - x) * std::log1p(-p));
    }
    return sum;
}

}  // namespace

std::span<const Noise> all_noises() {
    return k_noises;
}

std::string_view name(Noise noise) {
    switch (noise) {
        case Noise::normal: return "normal";
        case Noise::student_3: return "student t, 3";
        case Noise::student_2: return "student t, 2";
        case Noise::bimodal: return "bimodal";
        case Noise::drift: return "drifting";
        case Noise::throttled: return "throttled";
        case Noise::timer_32ns: return "ticks of 32 ns";
        case Noise::timer_500ns: return "ticks of 500 ns";
        case Noise::autocorrelated: return "autocorrelated";
        case Noise::outlier: return "one outlier";
        case Noise::order_effect: return "order effect";
    }
    return "";
}

SimulatedPairs::SimulatedPairs(SimulatedMachine machine, double speedup, std::uint64_t seed)
    : machine_(std::move(machine))
    , draws_(seed)
    , log_ratio_(std::log(speedup) + (draws_.chance(0.5) ? machine_.bias : -machine_.bias)) {
    phase_ = draws_.normal();
}

double SimulatedPairs::limit() const {
    return std::exp(log_ratio_);
}

/// Disturbances of the logarithms of both times. Each contestant has its part of the noise.
SimulatedPairs::Logs SimulatedPairs::noise() {
    const double each = machine_.sigma / std::numbers::sqrt2;
    switch (machine_.noise) {
        case Noise::student_3: return {each * student(draws_, 3), each * student(draws_, 3)};
        case Noise::student_2: return {each * student(draws_, 2), each * student(draws_, 2)};
        case Noise::bimodal: {
            // 0.3 * 0.7 * 3^2 + 0.1^2: the slow calls make the variance, so that sigma is what it
            // says.
            const double unit = each / std::sqrt(0.3 * 0.7 * 9 + 1);
            const auto call = [&] {
                return unit * draws_.normal() + (draws_.chance(0.3) ? 3 * unit : 0);
            };
            return {call(), call()};
        }
        case Noise::throttled: {
            const bool slow = pair_ >= k_throttled_from && pair_ < k_throttled_to;
            const double scale = slow ? 2 * each : each;
            const double clock = slow ? std::numbers::ln2 : 0;
            return {clock + scale * draws_.normal(), clock + scale * draws_.normal()};
        }
        case Noise::drift: {
            const double before = wander_;
            wander_ += 0.0003 + 0.005 * draws_.normal();
            return {before + each * draws_.normal(), wander_ + each * draws_.normal()};
        }
        case Noise::autocorrelated: {
            phase_ = k_neighbours * phase_ +
                     std::sqrt(1 - k_neighbours * k_neighbours) * draws_.normal();
            return {machine_.sigma * phase_, 0};
        }
        default: return {each * draws_.normal(), each * draws_.normal()};
    }
}

/// As a clock with ticks reads it: the call begins anywhere within one.
double SimulatedPairs::timed(double ns) {
    const double tick = machine_.noise == Noise::timer_32ns    ? 32
                        : machine_.noise == Noise::timer_500ns ? 500
                                                               : 0;
    return tick == 0 ? ns : tick * std::floor(draws_.uniform() + ns / tick);
}

Sample SimulatedPairs::next() {
    Sample sample;
    sample.placement =
        static_cast<std::uint8_t>(static_cast<std::size_t>(pair_) % machine_.placements.size());
    sample.order = static_cast<std::uint8_t>(draws_.next() & 1U);
    Logs logs = noise();
    if (machine_.noise == Noise::drift && sample.order == 1) {
        std::swap(logs.baseline, logs.candidate);
    }
    if (machine_.noise == Noise::order_effect) {
        (sample.order == 0 ? logs.baseline : logs.candidate) += k_first_is_slower;
    }
    if (machine_.noise == Noise::outlier && pair_ == 2) {
        logs.candidate += std::log(1000.0);
    }
    const auto time = [&](double log) {
        return timed(machine_.call_ns * std::exp(std::clamp(log, -k_longest_log, k_longest_log)));
    };
    sample.baseline_ns = time(logs.baseline);
    sample.candidate_ns = time(logs.candidate - log_ratio_ - machine_.placements[sample.placement]);
    ++pair_;
    return sample;
}

SimulationTally simulate(const SimulationPlan& plan) {
    SimulationTally tally;
    tally.runs = plan.runs;
    Draws seeds(plan.seed);
    for (std::int64_t run = 0; run < plan.runs; ++run) {
        SimulatedPairs pairs(plan.machine, plan.speedup, seeds.next());
        PairedTest test(plan.test);
        while (test.state() == PairedState::undecided) {
            test.add(pairs.next());
        }
        switch (test.comparison()) {
            case Comparison::faster: ++tally.faster; break;
            case Comparison::slower: ++tally.slower; break;
            case Comparison::same: ++tally.same; break;
            case Comparison::unclear: ++tally.unclear; break;
        }
        const auto used = static_cast<int>(test.samples().size());
        tally.pairs += used;
        tally.most_pairs = std::max(tally.most_pairs, used);
        tally.soon += test.comparison() == Comparison::faster && used <= plan.soon_pairs ? 1 : 0;
        const Ratio ratio = test.ratio();
        tally.covered += ratio.lo <= pairs.limit() && pairs.limit() <= ratio.hi ? 1 : 0;
    }
    return tally;
}

double at_most(std::int64_t hits, std::int64_t runs) {
    KW_CHECK(runs > 0 && hits >= 0 && hits <= runs);
    if (hits == runs) {
        return 1;
    }
    double lo = 0, hi = 1;
    for (int i = 0; i < 60; ++i) {
        const double middle = (lo + hi) / 2;
        (binomial_cdf(hits, runs, middle) > 0.05 ? lo : hi) = middle;
    }
    return hi;
}

double at_least(std::int64_t hits, std::int64_t runs) {
    return 1 - at_most(runs - hits, runs);
}

}  // namespace kw::stats
