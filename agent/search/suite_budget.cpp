// SPDX-License-Identifier: Apache-2.0
#include "agent/search/suite_budget.hpp"

#include "agent/search/reward.hpp"

#include <algorithm>
#include <cmath>

namespace kw::agent {

namespace {

/// Below it a SOL says that nothing useful runs yet; a task without a kernel counts as that.
constexpr double k_least_sol = 0.001;

}  // namespace

TaskState after_attempt(TaskState state, const Evaluation& result) {
    ++state.attempts;
    ++state.without_success;
    if (result.verdict != Verdict::accepted) {
        return state;
    }
    if (sure_reward_of(result) > state.best.hi) {
        ++state.successes;
        state.without_success = 0;
    }
    if (sure_reward_of(result) > state.best.lo) {
        state.best = result.speedup;
        state.sol = result.sol;
    }
    return state;
}

std::optional<std::string> stopped(const TaskState& state, const SuiteRules& rules) {
    if (state.sol >= rules.finished_sol) {
        return "at the roofline";
    }
    if (state.without_success >= rules.patience) {
        return "no gain in " + std::to_string(state.without_success) + " attempts";
    }
    if (state.exhausted) {
        return "search finished";
    }
    return std::nullopt;
}

double headroom(const TaskState& state) {
    return -std::log(std::clamp(state.sol, k_least_sol, 1.0));
}

double chance_of_success(const TaskState& state) {
    return (state.successes + 1.0) / (state.attempts + 2.0);
}

std::optional<std::size_t> next_task(std::span<const TaskState> tasks, const SuiteRules& rules) {
    std::optional<std::size_t> best;
    double most = 0;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
        if (stopped(tasks[i], rules)) {
            continue;
        }
        const double worth = headroom(tasks[i]) * chance_of_success(tasks[i]);
        const bool fewer = best && worth == most && tasks[i].attempts < tasks[*best].attempts;
        if (!best || worth > most || fewer) {
            best = i;
            most = worth;
        }
    }
    return best;
}

}  // namespace kw::agent
