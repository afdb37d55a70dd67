// SPDX-License-Identifier: Apache-2.0
// From pairs of times to one number a pair: log(baseline / candidate), with what is not the
// candidate's doing taken out. Pure arithmetic.
#pragma once

#include "core/evaluation.hpp"

#include <cstddef>
#include <span>
#include <vector>

namespace kw::stats {

inline constexpr std::size_t k_enough = 8;  ///< pairs from which a group's median says anything

/// The clock's tick where it is coarse: it gave most of each contestant's times more than once.
/// Else 0.
[[nodiscard]] double coarse_tick(std::span<const Sample> samples);

/// In time order. A candidate's time below `floor_ns` counts as that, and any time below 1/1000 ns
/// (what is left of a call cheaper than the null call may be negative) as that.
///
/// Ticks: a median of few distinct values jumps, so times of a coarse clock are spread over their
/// tick, the same samples always the same way. Order: what going first costs is taken out where
/// it shows, half the difference between the medians of the two orders, each placement counted from
/// its own median.
[[nodiscard]] std::vector<double> log_ratios(std::span<const Sample> samples, double floor_ns = 0);

}  // namespace kw::stats
