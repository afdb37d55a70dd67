// SPDX-License-Identifier: Apache-2.0
#include "server/api/route.hpp"

#include <iterator>

namespace kw::server {

namespace {

std::vector<std::string> segments(const std::string& path) {
    std::vector<std::string> parts;
    std::size_t at = 1;
    while (at <= path.size()) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        parts.push_back(path.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

/// What a {name} may stand for. No route hands it to a file system, and none is given the chance.
std::optional<std::string> value_of(const std::string& segment) {
    constexpr std::size_t longest = 200;
    auto value = percent_decoded(segment);
    if (!value || value->empty() || value->size() > longest || *value == "." || *value == ".." ||
        value->find('/') != std::string::npos || value->find('\\') != std::string::npos) {
        return std::nullopt;
    }
    for (const char c : *value) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            return std::nullopt;
        }
    }
    return value;
}

}  // namespace

std::optional<PathValues> match(const std::string& pattern, const std::string& path) {
    const std::vector<std::string> wanted = segments(pattern);
    const std::vector<std::string> given = segments(path);
    if (wanted.size() != given.size()) {
        return std::nullopt;
    }
    PathValues values;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (!wanted[i].starts_with('{')) {
            if (wanted[i] != given[i]) {
                return std::nullopt;
            }
            continue;
        }
        const auto value = value_of(given[i]);
        if (!value) {
            return std::nullopt;
        }
        values[wanted[i].substr(1, wanted[i].size() - 2)] = *value;
    }
    return values;
}

const std::vector<Route>& route_table() {
    static const std::vector<Route> table = [] {
        std::vector<Route> all;
        for (auto* subject :
             {evaluation_routes,
              lease_routes,
              queue_routes,
              view_routes,
              campaign_routes,
              service_routes,
              page_routes}) {
            std::vector<Route> routes = subject();
            std::move(routes.begin(), routes.end(), std::back_inserter(all));
        }
        return all;
    }();
    return table;
}

}  // namespace kw::server
