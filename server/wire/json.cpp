// SPDX-License-Identifier: Apache-2.0
#include "server/wire/json.hpp"

#include <nlohmann/json.hpp>

namespace kw::server {

namespace {

constexpr int k_deepest = 32;

/// Brackets outside strings; the parser says what else is wrong.
bool too_deep(std::string_view text) {
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            i += c == '\\' ? 1 : 0;
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '[' || c == '{') {
            if (++depth > k_deepest) {
                return true;
            }
        } else if (c == ']' || c == '}') {
            --depth;
        }
    }
    return false;
}

}  // namespace

Result<nlohmann::json> parse_json(std::string_view text) {
    if (too_deep(text)) {
        return Error{
            Errc::usage,
            "the JSON is nested more than " + std::to_string(k_deepest) + " levels deep",
            ""};
    }
    try {
        return nlohmann::json::parse(text);
    } catch (const nlohmann::json::exception& error) {
        std::string what = error.what();
        const std::size_t begin = what.find("] ");
        what = begin == std::string::npos ? what : what.substr(begin + 2);
        return Error{Errc::usage, "not JSON: " + what.substr(0, 200), ""};
    }
}

std::string json_text(const nlohmann::json& document) {
    return document.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace kw::server
