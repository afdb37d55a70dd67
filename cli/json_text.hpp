// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace kw::cli {

/// One line of ASCII. Texts of candidates may hold any bytes: what is not UTF-8 becomes U+FFFD.
[[nodiscard]] std::string json_text(const nlohmann::json& document);

}  // namespace kw::cli
