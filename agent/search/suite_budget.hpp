// SPDX-License-Identifier: Apache-2.0
// A budget for a whole suite goes, unit by unit, where the next evaluation is worth most:
//   worth = headroom * chance
//   headroom = ln(1 / SOL) of the task's best kernel: what the suite's geometric mean can still
//   gain chance = (successes + 1) / (attempts + 2), the mean of the Beta posterior over a uniform
//   prior
// A task whose best is near the roof, or whose attempts have stopped to gain anything that the
// paired timing can tell from nothing, gets no more. Pure functions: campaign/suite.hpp acts.
#pragma once

#include "core/evaluation.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace kw::agent {

/// At this fraction of the roofline a kernel counts as finished (KernelAgent stops there too).
inline constexpr double k_finished_sol = 0.95;

struct TaskState {
    double sol = 0;  ///< of the best kernel; 0 = none accepted yet
    int attempts = 0;
    int successes = 0;        ///< attempts that raised the best beyond the paired spread
    int without_success = 0;  ///< attempts since the last success
    Ratio best{};             ///< speed-up of the best kernel and its paired spread
    bool exhausted = false;   ///< its search has nothing more to ask
};

/// One more attempt. It is a success when the whole interval of an accepted kernel lies above that
/// of the best before it; a kernel that is better inside the spread becomes the best and is none.
[[nodiscard]] TaskState after_attempt(TaskState state, const Evaluation& result);

struct SuiteRules {
    double finished_sol = k_finished_sol;
    int patience = 24;  ///< attempts without success after which a task stops
};

/// Why a task gets no more: "at the roofline" | "no gain in N attempts" | "search finished".
[[nodiscard]] std::optional<std::string> stopped(const TaskState& state, const SuiteRules& rules);

[[nodiscard]] double headroom(const TaskState& state);           ///< >= 0
[[nodiscard]] double chance_of_success(const TaskState& state);  ///< in (0, 1)

/// Index of the task of the most worth that has not stopped; among equals that of fewer attempts,
/// then the first. Nothing: all have stopped.
[[nodiscard]] std::optional<std::size_t> next_task(
    std::span<const TaskState> tasks, const SuiteRules& rules);

}  // namespace kw::agent
