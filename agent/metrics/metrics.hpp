// SPDX-License-Identifier: Apache-2.0
// What a set of tasks says about a search, by the definitions of the field, so that figures can be
// laid beside published ones. Every mean says what it makes of tasks that were not solved.
//   fast_p      KernelBench (Ouyang et al., arXiv 2502.10517): over all tasks, not over the solved
//   pass@k      HumanEval (Chen et al., arXiv 2107.03374): the unbiased estimator
//   gap closed  SOL-ExecBench (Lin et al., arXiv 2603.19173): of the way from a fixed baseline to
//               the roof; their score may be scaled otherwise
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace kw::agent {

/// What a search brought for one task.
struct TaskOutcome {
    bool correct = false;
    double speedup = 0;  ///< baseline / kernel, > 0; only read when correct
    double sol = 0;      ///< roof time / kernel time; only read when correct
};

/// The thresholds that are reported. 0: the share of tasks that were solved at all.
inline constexpr std::array<double, 5> k_fast_thresholds = {0, 0.8, 1, 1.5, 2};

/// Tasks whose kernel is correct and faster than `p` times the baseline, over all tasks; 0 for no
/// task.
[[nodiscard]] double fast_p(std::span<const TaskOutcome> tasks, double p);

/// Of the speed-ups of solved tasks alone. It rises when a hard task is lost: never show it without
/// fast_0 or the mean over all. Nothing when no task was solved.
[[nodiscard]] std::optional<double> geometric_mean_correct(std::span<const TaskOutcome> tasks);

/// Over all tasks; one that was not solved counts 1.0: its user keeps the baseline. 1 for no task.
[[nodiscard]] double geometric_mean_all(std::span<const TaskOutcome> tasks);

/// Arithmetic mean of the fraction of the roof over all tasks, 0 for those not solved.
[[nodiscard]] double mean_sol(std::span<const TaskOutcome> tasks);

/// The chance that k samples, drawn without replacement from `samples` of which `correct` are
/// correct, hold a correct one: 1 - C(samples - correct, k) / C(samples, k). 1 <= k <= samples.
[[nodiscard]] double pass_at_k(std::int64_t samples, std::int64_t correct, std::int64_t k);

/// (baseline - kernel) / (baseline - roof) in time: 0 at the baseline, 1 at the roof, negative when
/// slower, above 1 beyond the roof (a working set in a cache). Nothing when the baseline is at the
/// roof or beyond: there was no gap. Both arguments > 0.
[[nodiscard]] std::optional<double> gap_closed(double speedup, double sol);

}  // namespace kw::agent
