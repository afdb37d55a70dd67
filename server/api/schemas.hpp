// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace kw::server {

/// server/api/schemas.json, compiled in.
[[nodiscard]] const char* schemas_text();

}  // namespace kw::server
