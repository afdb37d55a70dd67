// SPDX-License-Identifier: Apache-2.0
// From per-shape timings to the figures and the one line of an accepted evaluation.
#pragma once

#include "core/evaluation.hpp"

namespace kw::cpu {

/// Fills speedup, vs_naive, min_speedup, sol, comparison and summary from `shapes`.
void summarise_accepted(Evaluation& evaluation, double dead_band);

}  // namespace kw::cpu
