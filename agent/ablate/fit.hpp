// SPDX-License-Identifier: Apache-2.0
// What recorded campaigns say about the parameters of the synthetic bed, and how little: every
// figure comes with its count. Only measured times are used.
//
//   chances   Jeffreys' estimate (hits + 1/2) / (n + 1): none of few is not never. Failures are
//             divided among their kinds as they were seen, each kind a third of a failure ahead
//   first     children of the start source: G = -ln(1 - gain / headroom), the roof as the ceiling
//   next      accepted children of other accepted sources. A gain above 0 is a hit, with G of what
//             was left to the roof; a gain of 0 or less is a miss, whose spread is that of its size
//   headroom  ln(1 / SOL) of the start source
//   noise     median of the judgements' 95 % intervals, as standard deviations
//
// The roof counts as the ceiling because a lineage does not say where its own ends; beyond the roof
// (a working set in a cache), or within 5 % of it, a gain says nothing of G and is counted apart.
#pragma once

#include "agent/ablate/synthetic_bed.hpp"
#include "core/rows.hpp"
#include "db/store.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kw::agent {

/// One campaign's first judgings by step and slot, with the sizes of its texts.
struct RecordedCampaign {
    std::string name;
    std::vector<EvaluationRow> evaluations;
    double task_bytes = 0;  ///< first prompt without the start source; 0 = no prompt was stored
    std::vector<double> reply_bytes;
};

/// Mean and standard deviation (n - 1; 0 for one value) of a few numbers.
struct Sampled {
    std::int64_t count = 0;
    double mean = 0;
    double sd = 0;
    double least = 0;
    double most = 0;
};
[[nodiscard]] Sampled sampled(const std::vector<double>& values);

/// A chance with its exact one-sided 95 % limits.
struct Chance {
    std::int64_t hits = 0;
    std::int64_t count = 0;
    double estimate = 0.5;
    double at_least = 0;
    double at_most = 1;
};
[[nodiscard]] Chance chance(std::int64_t hits, std::int64_t count);

struct BedFit {
    std::int64_t campaigns = 0;
    std::int64_t modelled = 0;  ///< campaigns left out: their times are no measurements
    Chance failure;             ///< of proposals from a working source
    std::int64_t no_reply = 0, compile_error = 0, wrong = 0;  ///< of the failures
    Chance repair;
    Chance hit;
    Sampled first, next, miss, headroom;
    std::int64_t at_roof = 0;  ///< hits that were left out of `next`
    Sampled noise;             ///< `mean` holds the median
    Sampled judge_seconds;
    Sampled task_tokens, source_tokens;  ///< bytes / 4
};

[[nodiscard]] BedFit fit_bed(const std::vector<RecordedCampaign>& campaigns);

/// `base` with everything that the fit determines; what it has no count for stays.
[[nodiscard]] SyntheticParams fitted(const SyntheticParams& base, const BedFit& fit);

/// "hit: 7 of 12, 0.577 [0.315, 0.819]", one line a figure.
[[nodiscard]] std::vector<std::string> fit_lines(const BedFit& fit);

/// Errc::usage for a campaign that does not exist.
[[nodiscard]] Result<std::vector<RecordedCampaign>> recorded_campaigns(
    db::Store& store, const std::vector<std::string>& names);

}  // namespace kw::agent
