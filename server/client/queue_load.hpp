// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.hpp"
#include "server/client/link.hpp"

#include <cstdint>

namespace kw::server {

/// What the server has to do, all devices together.
struct ServerQueue {
    std::int64_t waiting = 0;  ///< jobs that no worker holds
    std::int64_t leased = 0;   ///< jobs that a worker holds
};

/// GET /v1/queue, once. `stop` as ApiCall's.
[[nodiscard]] Result<ServerQueue> ask_queue(ServerLink& link, std::function<bool()> stop = {});

}  // namespace kw::server
