// SPDX-License-Identifier: Apache-2.0
#include "cli/json_text.hpp"

#include <nlohmann/json.hpp>

namespace kw::cli {

std::string json_text(const nlohmann::json& document) {
    return document.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace kw::cli
