// SPDX-License-Identifier: Apache-2.0
// A strategy says what to ask next and from which parent. It is a pure function of the history:
// resume replays the stored rows through it and arrives where it was. New strategies are a class
// and a line in make_strategy(); callers do not change.
#pragma once

#include "agent/search/history.hpp"
#include "core/result.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kw::agent {

struct Ask {
    int slot = 0;
    std::string parent_hash;  ///< of the candidate to start from; "" = from nothing
};

/// The proposals of one step. They do not see each other's results.
struct Wave {
    int step = 0;  ///< greater than every step of the history
    std::vector<Ask> asks;
};

struct Strategy {
    virtual ~Strategy() = default;
    [[nodiscard]] virtual std::string name() const = 0;
    /// `done` holds whole steps only. Nothing: the search is finished.
    [[nodiscard]] virtual std::optional<Wave> next(const History& done) const = 0;
};

struct StrategyOptions {
    int width = 4;  ///< proposals a step (W)
    int depth = 8;  ///< steps of one trajectory (D); the next one starts from the best kernel
};

/// "best-of-n": every step W proposals from the start source (step 0).
/// "chain": one proposal a step from the newest accepted kernel; after three failures in a row
///   from the best one.
/// "maxcode": W proposals a step from the last step's attempt (a failure is repaired up to three
///   times, then the best kernel is the parent); after D steps from the best.
/// "tune": one point a step, always from the start source.
/// Unknown: Errc::usage with did-you-mean.
[[nodiscard]] Result<std::unique_ptr<Strategy>> make_strategy(
    const std::string& name, const StrategyOptions& options);

[[nodiscard]] const std::vector<std::string>& strategy_names();

}  // namespace kw::agent
