// SPDX-License-Identifier: Apache-2.0
// The sequential paired test: pure arithmetic on samples, no clock. The protocol around it, and
// what it does on simulated machines, is docs/measurement.md.
#pragma once

#include "core/evaluation.hpp"

#include <vector>

namespace kw::stats {

struct PairedTestOptions {
    double dead_band = 0.005;  ///< |log ratio| within it counts as no difference
    int min_pairs = 24;
    int max_pairs = 300;
    int look_every = 12;   ///< pairs at least, or a fifth of those there are; see `alpha`
    double alpha = 0.005;  ///< chance of calling an equal pair faster or slower: looks spend it
    double want_half_width = 0.004;  ///< precise enough: the interval's relative half width
    int min_placements = 1;          ///< placements with >= 8 pairs each that a decision needs
};

/// exhausted: no more pairs will help (all used, or the answer is within `want_half_width` of the
/// dead band's edge, where no sensible number of pairs tells the two sides apart).
enum class PairedState { undecided, decided, exhausted };

/// Feed pairs, ask whether to go on. Works on log(baseline/candidate); robust to outliers and heavy
/// tails (sign based decisions, medians), to an effect of the order within a pair, and to
/// neighbouring pairs that resemble each other. A decision must survive the loss of any one
/// placement, so that one lucky memory placement cannot decide alone: mix placements and orders
/// from the first pair on.
class PairedTest {
public:
    explicit PairedTest(PairedTestOptions options = {});

    /// Both times finite; a time <= 0 (a call cheaper than the null call) counts as 1/1000 ns.
    void add(const Sample& sample);
    /// No more pairs will come (time cap): a last look, with all that is left of the error budget.
    void finish();
    [[nodiscard]] PairedState state() const;
    /// faster: the candidate is; same: the interval lies inside the dead band; unclear: none of
    /// them shown yet.
    [[nodiscard]] Comparison comparison() const;
    /// median_ratio() of what there is.
    [[nodiscard]] Ratio ratio() const;
    [[nodiscard]] const std::vector<Sample>& samples() const { return samples_; }

private:
    void look(double alpha);

    PairedTestOptions options_;
    std::vector<Sample> samples_;
    PairedState state_ = PairedState::undecided;
    Comparison comparison_ = Comparison::unclear;
    int looked_at_ = 0;  ///< pairs at the last look
};

}  // namespace kw::stats
