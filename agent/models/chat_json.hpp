// SPDX-License-Identifier: Apache-2.0
// Reading JSON of a server that may send anything: a member that is not there or of another type
// is empty. For the .cpp files of the chat protocols.
#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

namespace kw::agent {

inline const nlohmann::json& member(const nlohmann::json& object, const char* key) {
    static const nlohmann::json k_null;
    if (!object.is_object()) {
        return k_null;
    }
    const auto found = object.find(key);
    return found == object.end() ? k_null : *found;
}

inline std::string text_of(const nlohmann::json& object, const char* key) {
    const nlohmann::json& value = member(object, key);
    return value.is_string() ? value.get<std::string>() : std::string{};
}

inline std::int64_t count_of(const nlohmann::json& object, const char* key) {
    const nlohmann::json& value = member(object, key);
    return value.is_number() ? static_cast<std::int64_t>(std::clamp(value.get<double>(), 0.0, 1e12))
                             : 0;
}

}  // namespace kw::agent
