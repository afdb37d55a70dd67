// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/summary.hpp"

#include "evaluator/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace kw::cpu {
namespace {

bool was_disturbed(const Evaluation& evaluation) {
    return std::ranges::any_of(evaluation.shapes, [](const ShapeTiming& shape) {
        return shape.stop_reason == k_stop_disturbed;
    });
}

/// Why no difference was shown; an interval that lies beyond 1 alone looks as if there were one.
const char* why_unclear(const Evaluation& evaluation) {
    const bool disturbed = was_disturbed(evaluation);
    if (evaluation.speedup.lo > 1) {
        return disturbed
                   ? "probably faster than the baseline, but other programs disturbed the timing"
                   : "probably faster than the baseline, but not shown at 99.5 %";
    }
    if (evaluation.speedup.hi < 1) {
        return disturbed
                   ? "probably slower than the baseline, but other programs disturbed the timing"
                   : "probably slower than the baseline, but not shown at 99.5 %";
    }
    if (disturbed) {
        return "no difference to the baseline shown, other programs disturbed the timing";
    }
    return "difference to the baseline not shown";
}

// Models read "0.85x" as nearly good; "15 % slower" tells the direction.
std::string in_words(const Evaluation& evaluation) {
    const double ratio = evaluation.speedup.value;
    char text[160];
    const char* comparison = "";
    switch (evaluation.comparison) {
        case Comparison::same: comparison = "no difference to the baseline"; break;
        case Comparison::unclear: comparison = why_unclear(evaluation); break;
        case Comparison::faster:
        case Comparison::slower: break;
    }
    std::snprintf(
        text,
        sizeof(text),
        "%.2fx [%.2f, %.2f]: ",
        ratio,
        evaluation.speedup.lo,
        evaluation.speedup.hi);
    std::string line = text;
    if (*comparison != '\0') {
        return line + comparison;
    }
    const double percent = ratio >= 1 ? (ratio - 1) * 100 : (1 - ratio) * 100;
    std::snprintf(
        text,
        sizeof(text),
        "%.0f %% %s than the fastest baseline",
        percent,
        ratio >= 1 ? "faster" : "slower");
    if (ratio >= 2) {
        std::snprintf(text, sizeof(text), "%.1f times as fast as the fastest baseline", ratio);
    }
    return line + text;
}

}  // namespace

void summarise_shape(const stats::PairedTest& test, const ShapeRoof& roof, ShapeTiming& timing) {
    std::vector<double> mine, theirs;
    for (const Sample& sample : test.samples()) {
        mine.push_back(sample.candidate_ns);
        theirs.push_back(sample.baseline_ns);
    }
    timing.candidate_ns = stats::median(mine);
    timing.baseline_ns = stats::median(theirs);
    timing.naive_ns = roof.naive_ratio * timing.baseline_ns;
    timing.speedup = test.ratio();
    timing.comparison =
        timing.stop_reason == k_stop_disturbed ? Comparison::unclear : test.comparison();
    if (timing.candidate_ns > 0) {
        timing.sol = roof.roof_ns / timing.candidate_ns;
        timing.gb_per_s = static_cast<double>(roof.bytes) / timing.candidate_ns;
    }
    timing.samples = test.samples();
}

std::optional<Rejection> below_floor(const Task& task, const ShapeTiming& timing) {
    if (timing.candidate_ns >= timing.floor_ns) {
        return std::nullopt;
    }
    return Rejection{
        Verdict::too_fast,
        "too fast to be true: " + show_us(timing.candidate_ns) + " at " +
            show_dims(task, timing.dims) + ", the floor is " + show_us(timing.floor_ns),
        "The floor follows from the bytes that must move and the bandwidth of this device."};
}

std::string show_us(double ns) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.2f us", ns / 1000);
    return text;
}

void summarise_accepted(Evaluation& evaluation, double dead_band) {
    const std::vector<ShapeTiming>& shapes = evaluation.shapes;
    if (shapes.empty()) {
        return;
    }
    evaluation.speedup = stats::geometric_mean(shapes);
    evaluation.comparison = stats::overall(evaluation.speedup, dead_band);
    if (was_disturbed(evaluation)) {
        evaluation.comparison = Comparison::unclear;
    }
    double log_naive = 0;
    double log_sol = 0;
    evaluation.min_speedup = shapes.front().speedup.value;
    for (const ShapeTiming& shape : shapes) {
        log_naive += std::log(std::max(shape.naive_ns, 1.0) / std::max(shape.baseline_ns, 1.0));
        log_sol += std::log(std::max(shape.sol, 1e-9));
        evaluation.min_speedup = std::min(evaluation.min_speedup, shape.speedup.value);
    }
    const auto count = static_cast<double>(shapes.size());
    const double naive = std::exp(log_naive / count);
    evaluation.vs_naive = {
        evaluation.speedup.value * naive,
        evaluation.speedup.lo * naive,
        evaluation.speedup.hi * naive};
    evaluation.sol = std::exp(log_sol / count);
    evaluation.summary = in_words(evaluation);
}

}  // namespace kw::cpu
