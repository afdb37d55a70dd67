// SPDX-License-Identifier: Apache-2.0
// What a campaign has spent, and whether its budget allows one more call. Checked before each call
// with the worst case reserved, so that no limit on evaluations, tokens or money is ever exceeded;
// the limit on seconds may be exceeded by the call or judgement it was checked before.
#pragma once

#include "agent/campaign/campaign.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace kw::agent {

struct Spend {
    int evaluations = 0;
    double usd = 0;
    std::int64_t tokens = 0;
    double seconds = 0;
};

/// Worst case of the call to come.
struct Reservation {
    double usd = 0;  ///< negative = unknown
    std::int64_t tokens = 0;
};

/// "budget: evaluations" | "budget: usd" | "budget: tokens" | "budget: time" when one more would go
/// over a limit.
[[nodiscard]] std::optional<std::string> over_budget(
    const Budget& budget, const Spend& spend, const Reservation& next);

/// Errc::usage: no limit at all, a negative one, or a money limit with an unknown price.
[[nodiscard]] Result<void> check_budget(const Budget& budget, bool price_known);

}  // namespace kw::agent
