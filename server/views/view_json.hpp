// SPDX-License-Identifier: Apache-2.0
// The parts that documents share.
#pragma once

#include "core/evaluation.hpp"
#include "core/rows.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace kw::server {

/// One line of ASCII. Texts of candidates may hold any bytes: what is not UTF-8 becomes U+FFFD; a
/// number that is not finite becomes null.
[[nodiscard]] std::string dump(const nlohmann::json& document);

/// The value of "evaluation" in documents (docs/json.md).
[[nodiscard]] nlohmann::json evaluation_json(const Evaluation& evaluation);

/// The member "speedup" of an evaluation: null unless it was accepted and timed.
[[nodiscard]] nlohmann::json speedup_json(const Evaluation& evaluation);

/// A row of "kwright.board/1".
[[nodiscard]] nlohmann::json board_row_json(const BoardRow& row);

/// Null for what was not measured: 0, negative, not finite.
[[nodiscard]] nlohmann::json number_or_null(double value);

}  // namespace kw::server
