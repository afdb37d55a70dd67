// SPDX-License-Identifier: Apache-2.0
// The estimate by neighbours: the attempts whose source and lineage look most like the proposal's,
// weighted by nearness. It gives a distribution, which the maximum of a max-reward search needs; a
// regressor's mean would not do. For value.cpp and tests.
#pragma once

#include "agent/value/value.hpp"

#include <array>
#include <memory>
#include <span>
#include <vector>

namespace kw::agent {

inline constexpr std::size_t k_feature_count = 28;
/// Source facts on a log scale (all of source_fact_specs()), then: log of the source's size, its
/// growth, share of words that changed, the parent was accepted, log of its reward.
using FeatureVector = std::array<double, k_feature_count>;

[[nodiscard]] FeatureVector features_of(
    const std::string& source, std::string_view parent_source, double parent_reward);

struct FeatureRow {
    FeatureVector features{};
    double gain = 0;  ///< reward over the parent's, or the reward when the parent failed
};

/// What the nearest of `rows` got, as (weight, gain); weights add up to 1. A prior of the weight of
/// one neighbour at distance 1 says: fails or stays equal, half each. Features are scaled by the
/// rows' mean and deviation.
struct WeightedGain {
    double weight = 0;
    double gain = 0;
};
[[nodiscard]] std::vector<WeightedGain> neighbours_of(
    std::span<const FeatureRow> rows, const FeatureVector& features);

[[nodiscard]] std::unique_ptr<ActionValue> make_feature_value(const std::vector<PastAttempt>& past);

/// Ranks as the best so far and says nothing else.
[[nodiscard]] Estimate nothing_known(const History& done);

}  // namespace kw::agent
