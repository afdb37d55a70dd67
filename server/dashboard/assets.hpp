// SPDX-License-Identifier: Apache-2.0
// The dashboard's files, compiled in. They are plain and static; whoever serves them sets the
// headers (docs/dashboard.md). The page asks for everything else by relative addresses.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace kw::server {

struct Asset {
    std::string_view path;  ///< "/app.js"
    std::string_view type;  ///< "text/javascript; charset=utf-8"
    std::string_view bytes;
};

/// "/" and "/index.html" are the page. Nothing for any other path than those of assets().
[[nodiscard]] std::optional<Asset> asset(std::string_view path);

[[nodiscard]] const std::vector<Asset>& assets();

}  // namespace kw::server
