// SPDX-License-Identifier: Apache-2.0
#include "agent/models/model_choice.hpp"

#include <algorithm>
#include <cmath>

namespace kw::agent {

namespace {

constexpr double k_decay = 0.95;      ///< of a trial's weight, with each later trial of the model
constexpr double k_exploration = 1;   ///< c of the bound
constexpr double k_cost_share = 0.5;  ///< of the score; the rest is for the gain
constexpr double k_scale = 2;         ///< a gain of 50 % is most of what can be had: 1 - exp(-1)

struct Arm {
    double weight = 0;  ///< of trials, decayed
    double gain = 0;    ///< weighted sum of gains in [0, 1)
    double usd = 0;     ///< weighted sum
    double trials = 0;  ///< not decayed, with the slots of this wave

    [[nodiscard]] double mean_gain() const { return weight > 0 ? gain / weight : 0; }
    [[nodiscard]] double mean_usd() const { return weight > 0 ? usd / weight : 0; }
};

/// 0 for failures and for what is not faster than its parent (or than the baseline), up to 1.
double gain_of(const ModelTrial& trial) {
    const double base = std::max(trial.parent_reward, 1.0);
    const double over = std::max(0.0, trial.reward / base - 1);
    return std::isfinite(over) ? 1 - std::exp(-k_scale * over) : 0;
}

std::vector<Arm> arms_of(std::size_t models, const std::vector<ModelTrial>& trials) {
    std::vector<Arm> arms(models);
    for (const ModelTrial& trial : trials) {
        Arm& arm = arms[trial.model];
        arm.weight = arm.weight * k_decay + 1;
        arm.gain = arm.gain * k_decay + gain_of(trial);
        arm.usd = arm.usd * k_decay + std::max(0.0, trial.usd);
        arm.trials += 1;
    }
    return arms;
}

std::size_t best_arm(const std::vector<Arm>& arms) {
    double best_gain = 0;
    double dearest = 0;
    double total = 0;
    for (const Arm& arm : arms) {
        best_gain = std::max(best_gain, arm.mean_gain());
        dearest = std::max(dearest, arm.mean_usd());
        total += arm.trials;
    }
    std::size_t best = 0;
    double best_score = -1;
    for (std::size_t i = 0; i < arms.size(); ++i) {
        const Arm& arm = arms[i];
        if (arm.trials == 0) {
            return i;
        }
        const double gain = best_gain > 0 ? arm.mean_gain() / best_gain : 0;
        const double bound = k_exploration * std::sqrt(2 * std::log(total) / arm.trials);
        const double cheapness = dearest > 0 ? 1 - arm.mean_usd() / dearest : 0;
        // The share of cheapness grows with the gain: a model that never gains is not cheap.
        const double score = (1 - k_cost_share) * (gain + bound) + k_cost_share * cheapness * gain;
        if (score > best_score) {
            best = i;
            best_score = score;
        }
    }
    return best;
}

}  // namespace

std::vector<std::size_t> choose_models(
    std::size_t models, const std::vector<ModelTrial>& trials, int count) {
    std::vector<Arm> arms = arms_of(models, trials);
    std::vector<std::size_t> chosen;
    for (int slot = 0; slot < count; ++slot) {
        chosen.push_back(best_arm(arms));
        arms[chosen.back()].trials += 1;
    }
    return chosen;
}

}  // namespace kw::agent
