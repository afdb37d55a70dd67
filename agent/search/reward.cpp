// SPDX-License-Identifier: Apache-2.0
#include "agent/search/reward.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kw::agent {

double speedup_at_floor(const Evaluation& evaluation) {
    double log_sum = 0;
    int counted = 0;
    for (const ShapeTiming& shape : evaluation.shapes) {
        if (shape.speedup.value <= 0) {
            continue;  // not timed: the speed-up leaves it out too
        }
        if (!(shape.baseline_ns > 0 && shape.floor_ns > 0)) {
            return std::numeric_limits<double>::infinity();
        }
        log_sum += std::log(shape.baseline_ns / shape.floor_ns);
        ++counted;
    }
    return counted == 0 ? std::numeric_limits<double>::infinity() : std::exp(log_sum / counted);
}

double reward_of(const Evaluation& evaluation) {
    if (evaluation.verdict != Verdict::accepted) {
        return 0;
    }
    return std::min(evaluation.speedup.value, speedup_at_floor(evaluation));
}

double sure_reward_of(const Evaluation& evaluation) {
    return std::min(evaluation.speedup.lo, reward_of(evaluation));
}

}  // namespace kw::agent
