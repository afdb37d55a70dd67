// SPDX-License-Identifier: Apache-2.0
// The state of a max-reward search (Veviurko et al., arXiv 2402.01361). The return of a step is the
// best later reward, discounted by how late it comes: G_t = max_k gamma^k r_{t+k+1}. A maximum does
// not commute with an expectation, so the state carries y, the best reward so far in units of now:
//   y_{t+1} = max(r_{t+1}, y_t) / gamma      y_0 = 0 before anything was tried
// and max(y_t, G_t) = gamma * max(y_{t+1}, G_{t+1}) holds on every trajectory. gamma = 1 is plain
// best-so-far; below 1 an early find is worth more. Rewards are speed-ups, 0 for failures.
#pragma once

#include <algorithm>
#include <span>

namespace kw::agent {

[[nodiscard]] inline double next_best_discounted(double y, double reward, double gamma) {
    return std::max(reward, y) / gamma;
}

/// max_k gamma^k rewards[k], 0 for none: the return of a finished trajectory.
[[nodiscard]] inline double max_reward_return(std::span<const double> rewards, double gamma) {
    double best = 0;
    double weight = 1;
    for (const double reward : rewards) {
        best = std::max(best, weight * reward);
        weight *= gamma;
    }
    return best;
}

}  // namespace kw::agent
