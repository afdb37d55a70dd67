// SPDX-License-Identifier: Apache-2.0
// Which of several models writes the next candidates: a cost-aware, asymmetric upper confidence
// bound after ShinkaEvolve (Lange et al. 2025, arXiv:2509.19349, section 3): only gains over the
// parent count, failures count as the worst, and a cheap model wins against an equally good dear
// one. A pure function of the stored history: a resumed campaign chooses what it chose.
#pragma once

#include <cstddef>
#include <vector>

namespace kw::agent {

/// What became of one reply of a model.
struct ModelTrial {
    std::size_t model = 0;     ///< index
    double reward = 0;         ///< speed-up of the candidate; 0 = not accepted
    double parent_reward = 0;  ///< of what it started from; 0 = none
    double usd = 0;
};

/// The models of `count` slots that are asked together, in order of the slots. Models without a
/// trial come first, in their order; a slot counts as a trial of average outcome for the next ones,
/// so that a wave is spread while little is known.
[[nodiscard]] std::vector<std::size_t> choose_models(
    std::size_t models, const std::vector<ModelTrial>& trials, int count);

}  // namespace kw::agent
