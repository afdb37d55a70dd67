// SPDX-License-Identifier: Apache-2.0
// Promotion: the highest of many noisy timings is mostly a lucky one (the winner's curse). What
// would be a campaign's best is therefore judged a second time, from scratch, and the second
// judging alone decides and is shown. docs/measurement.md says it for users.
#pragma once

#include "core/rows.hpp"

#include <string>
#include <vector>

namespace kw::agent {

/// Widest interval, as a fraction of its value, that passes as undisturbed.
inline constexpr double k_widest_interval = 0.25;

/// The finding `busy-machine`, or an interval wider than k_widest_interval. Such a timing ranks by
/// its lower end like any other, and says so.
[[nodiscard]] bool is_disturbed(const Evaluation& evaluation);

/// Times of two machines, or a measured and a modelled one, say nothing about each other.
[[nodiscard]] bool share_a_clock(const Evaluation& a, const Evaluation& b);

/// The judging of `first` that counts: the newest later one in state "judged"; without any later
/// one `first` itself. Times of another clock count only when nothing else does any more (dev
/// rejudge on another machine); a rejection counts from anywhere, and so does the promotion, which
/// the search itself asked for. Null: all of them are stale or revoked.
[[nodiscard]] const EvaluationRow* counted_judging(
    const EvaluationRow& first, const std::vector<EvaluationRow>& later);

/// A row for the same candidate in the same place, without result and time. `of` may itself be a
/// later judging.
[[nodiscard]] EvaluationRow later_judging(
    const EvaluationRow& of, const std::string& purpose, const std::string& task_hash);

/// One line: "2.10x [2.05, 2.15] after 2.31x [2.25, 2.40]: the new best", or "... : not the best".
[[nodiscard]] std::string promotion_text(
    const Evaluation& first, const Evaluation& second, bool is_best);

}  // namespace kw::agent
