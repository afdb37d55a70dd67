// SPDX-License-Identifier: Apache-2.0
// What the search is paid for a judged candidate: nothing unless it was accepted, else its
// speed-up, but never more than the floor allows. Failures are ordered by how far they came
// (progress() of core/verdict.hpp) where one has to be chosen for repair; that order earns nothing.
#pragma once

#include "core/evaluation.hpp"

namespace kw::agent {

/// The speed-up of a kernel that runs at the floor: the geometric mean over the timed shapes of
/// baseline / floor. Infinity when a shape lacks one of the two, because nothing is known then.
[[nodiscard]] double speedup_at_floor(const Evaluation& evaluation);

/// 0 unless accepted, else min(speed-up, speedup_at_floor()).
[[nodiscard]] double reward_of(const Evaluation& evaluation);

/// The lower end of an accepted kernel's interval, capped like the reward; 0 for all others.
/// Archives and parents are ranked by it, so that one lucky timing does not lead a search.
[[nodiscard]] double sure_reward_of(const Evaluation& evaluation);

}  // namespace kw::agent
