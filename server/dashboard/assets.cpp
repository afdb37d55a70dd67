// SPDX-License-Identifier: Apache-2.0
#include "server/dashboard/assets.hpp"

#include <algorithm>

namespace kw::server {

std::optional<Asset> asset(std::string_view path) {
    const std::string_view wanted = path == "/" ? "/index.html" : path;
    const auto found = std::ranges::find(assets(), wanted, &Asset::path);
    return found == assets().end() ? std::nullopt : std::optional(*found);
}

}  // namespace kw::server
