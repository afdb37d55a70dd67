// SPDX-License-Identifier: Apache-2.0
// JSON that comes from outside: bounded in depth, never an exception.
#pragma once

#include "core/result.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <string_view>

namespace kw::server {

/// Errc::usage, saying where. Nested deeper than 32 levels is refused too.
[[nodiscard]] Result<nlohmann::json> parse_json(std::string_view text);

/// One line of ASCII. Doubles round-trip to the bit; what is not UTF-8 becomes U+FFFD.
[[nodiscard]] std::string json_text(const nlohmann::json& document);

}  // namespace kw::server
