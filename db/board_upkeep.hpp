// SPDX-License-Identifier: Apache-2.0
// Keeps board_entry in step with the evaluations: called in the transaction of every change.
#pragma once

#include "core/result.hpp"
#include "db/sqlite.hpp"

#include <cstdint>
#include <string>

namespace kw::db {

/// Of the judgings of the evaluation `first_id`, those that stand on the board now.
[[nodiscard]] Result<void> settle_board(
    Connection& connection, std::string_view doing, std::int64_t first_id);

/// The same for all judgings of a candidate.
[[nodiscard]] Result<void> settle_board_of(
    Connection& connection, std::string_view doing, const std::string& candidate_hash);

}  // namespace kw::db
