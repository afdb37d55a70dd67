// SPDX-License-Identifier: Apache-2.0
// Many HTTP clients in one thread: a kept connection each, one request at a time each. For load
// only: it trusts the server to speak proper HTTP with content-lengths.
#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kw::server {

struct SwarmAnswer {
    int status = 0;
    std::string body;
    double seconds = 0;  ///< from the first byte sent to the last one read
};

/// The next request of a client as bytes, or nothing when it has no more. `last`: the answer to its
/// request before; null at first.
using NextRequest = std::function<std::optional<std::string>(int client, const SwarmAnswer* last)>;

/// Until every client has no more. Errors: no connection, a connection that breaks, or no byte for
/// `patience_s`.
[[nodiscard]] Result<void> run_swarm(
    int port, int clients, double patience_s, const NextRequest& next);

[[nodiscard]] std::string http_post(const std::string& target, const std::string& json);
[[nodiscard]] std::string http_get(const std::string& target);

}  // namespace kw::server
