// SPDX-License-Identifier: Apache-2.0
#include "agent/metrics/metrics.hpp"

#include "core/check.hpp"

#include <algorithm>
#include <cmath>

namespace kw::agent {

namespace {

double sum_of_logs(std::span<const TaskOutcome> tasks) {
    double sum = 0;
    for (const TaskOutcome& task : tasks) {
        KW_CHECK(!task.correct || task.speedup > 0);
        sum += task.correct ? std::log(task.speedup) : 0;
    }
    return sum;
}

std::int64_t solved(std::span<const TaskOutcome> tasks) {
    return std::ranges::count_if(tasks, [](const TaskOutcome& task) { return task.correct; });
}

}  // namespace

double fast_p(std::span<const TaskOutcome> tasks, double p) {
    if (tasks.empty()) {
        return 0;
    }
    const auto fast = std::ranges::count_if(
        tasks, [&](const TaskOutcome& task) { return task.correct && task.speedup > p; });
    return static_cast<double>(fast) / static_cast<double>(tasks.size());
}

std::optional<double> geometric_mean_correct(std::span<const TaskOutcome> tasks) {
    const std::int64_t count = solved(tasks);
    if (count == 0) {
        return std::nullopt;
    }
    return std::exp(sum_of_logs(tasks) / static_cast<double>(count));
}

double geometric_mean_all(std::span<const TaskOutcome> tasks) {
    return tasks.empty() ? 1 : std::exp(sum_of_logs(tasks) / static_cast<double>(tasks.size()));
}

double mean_sol(std::span<const TaskOutcome> tasks) {
    double sum = 0;
    for (const TaskOutcome& task : tasks) {
        sum += task.correct ? task.sol : 0;
    }
    return tasks.empty() ? 0 : sum / static_cast<double>(tasks.size());
}

double pass_at_k(std::int64_t samples, std::int64_t correct, std::int64_t k) {
    KW_CHECK(correct >= 0 && correct <= samples && k >= 1 && k <= samples);
    if (samples - correct < k) {
        return 1;
    }
    // A product of fractions: the binomials themselves overflow.
    double none = 1;
    for (std::int64_t i = samples - correct + 1; i <= samples; ++i) {
        none *= 1 - static_cast<double>(k) / static_cast<double>(i);
    }
    return 1 - none;
}

std::optional<double> gap_closed(double speedup, double sol) {
    KW_CHECK(speedup > 0 && sol > 0);
    // In units of the kernel's time: the baseline takes `speedup`, the roof `sol`.
    if (speedup <= sol) {
        return std::nullopt;
    }
    return (speedup - 1) / (speedup - sol);
}

}  // namespace kw::agent
