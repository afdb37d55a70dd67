// SPDX-License-Identifier: Apache-2.0
// Holds what critics, verifiers and value estimates said against what came of it, and says which
// part does not pay for its calls. Pure functions over stored rows.
#pragma once

#include "agent/critic/hypotheses.hpp"
#include "core/rows.hpp"

#include <span>
#include <string>
#include <vector>

namespace kw::agent {

/// A number that was foretold and the one that came: a gain, a speed-up.
struct Claim {
    double predicted = 0;
    double actual = 0;
};

/// A chance that was foretold for something, and whether it happened.
struct Forecast {
    double chance = 0;
    bool happened = false;
};

/// Spearman's rank correlation, ties at their mean rank; 0 when one side does not vary. The 95 %
/// interval is Fisher's transform with variance 1.06 / (n - 3) (Fieller, Hartley and Pearson,
/// Biometrika 44, 1957); [-1, 1] below four claims.
[[nodiscard]] Ratio rank_correlation(std::span<const Claim> claims);

/// Mean of (chance - happened)^2; 0 for none.
[[nodiscard]] double brier_score(std::span<const Forecast> forecasts);
/// The same for a forecaster that always names the share of the others that happened.
[[nodiscard]] double base_rate_brier(std::span<const Forecast> forecasts);

inline constexpr int k_few_outcomes = 20;   ///< below, nothing is decided
inline constexpr int k_many_outcomes = 60;  ///< from here usefulness has to show

struct TrackRecord {
    int claims = 0;
    Ratio correlation;
    int forecasts = 0;
    double brier = 0;
    double base_brier = 0;
    bool pays = true;
    std::string reason;  ///< why not, one line; "" when it pays or nothing can be said yet
};

/// A part does not pay when
///   - after k_few_outcomes claims the upper 95 % bound of the rank correlation is at most 0, or
///   - after k_many_outcomes claims its lower bound is: a correlation of 0.26 would show there, or
///   - after k_few_outcomes forecasts of which some happened and some did not, its Brier score is
///     no better than the base rate's.
[[nodiscard]] TrackRecord track_record(
    std::span<const Claim> claims, std::span<const Forecast> forecasts);

/// Expected against measured gain of every critique that named one and has a judged child; a gain
/// of 0 when all children failed.
[[nodiscard]] std::vector<Claim> claims_of(const std::vector<Hypothesis>& hypotheses);

/// Of one part ("value", "verifier:memory"). What the judge could not judge (XX) does not count.
[[nodiscard]] std::vector<Claim> claims_of(
    const std::vector<EstimateRow>& rows, const std::string& part);
/// Chance of being accepted against whether it was.
[[nodiscard]] std::vector<Forecast> forecasts_of(
    const std::vector<EstimateRow>& rows, const std::string& part);

}  // namespace kw::agent
