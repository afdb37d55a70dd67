// SPDX-License-Identifier: Apache-2.0
// Numbers for Prometheus, in its text format.
#pragma once

#include "server/api/parts.hpp"
#include "server/http/message.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace kw::server {

[[nodiscard]] Response metrics_answer(
    ApiParts& parts, const std::map<std::pair<std::string, int>, std::int64_t>& answered);

}  // namespace kw::server
