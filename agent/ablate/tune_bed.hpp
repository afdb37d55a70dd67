// SPDX-License-Identifier: Apache-2.0
// Real spaces of real tasks as a bed: a proposal is a point, its outcome stands in a table.
//   no parent shown   a point drawn from the whole space
//   parent shown      one parameter of the parent is changed; also of a parent that failed
//   trajectory shown  points tried in earlier steps are not proposed again while others are left;
//                     otherwise they may be, and are duplicates: a call without a judgement
//   critique          right with probability q, and then the best of those points is proposed
// The strategy "tune" is answered by the tuner itself (tuner.hpp), which needs no prompt. Run i
// searches table i modulo their number.
#pragma once

#include "agent/ablate/bed.hpp"
#include "agent/ablate/tune_table.hpp"

#include <memory>

namespace kw::agent {

/// `quality` of critiques, 0 to 1; `critic_calls`: a critique costs a call. At least one table.
[[nodiscard]] std::unique_ptr<Bed> make_tune_bed(
    TuneTables tables, double quality, bool critic_calls);

}  // namespace kw::agent
