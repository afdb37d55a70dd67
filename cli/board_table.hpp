// SPDX-License-Identifier: Apache-2.0
// The leaderboard as text: board and demo show the same.
#pragma once

#include "cli/console.hpp"
#include "core/rows.hpp"

#include <string>
#include <vector>

namespace kw::cli {

[[nodiscard]] std::string board_table(const std::vector<BoardRow>& rows, const Console& console);

/// Geometric mean of the best speed-ups and the share of tasks above 1x and 1.5x (fast_p).
[[nodiscard]] std::string board_footer(const std::vector<BoardRow>& rows);

}  // namespace kw::cli
