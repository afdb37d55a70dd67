// SPDX-License-Identifier: Apache-2.0
// What critics said, for people.
#pragma once

#include "agent/campaign/campaign_critiques.hpp"
#include "cli/console.hpp"

#include <string>

namespace kw::cli {

/// "1.0  refuted    spills: fewer accumulators  (expected 1.50x, measured 1.01x [0.98, 1.04])"
[[nodiscard]] std::string critique_line(
    const agent::JudgedCritique& judged, const Console& console);

}  // namespace kw::cli
