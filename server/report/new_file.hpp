// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.hpp"

#include <filesystem>
#include <string_view>

namespace kw::server {

/// Writes the whole file or none: a reader never sees half of it, and nothing that exists is
/// replaced (Errc::usage), also when it came up meanwhile. Errc::environment: cannot be written.
[[nodiscard]] Result<void> write_new_file(const std::filesystem::path& to, std::string_view bytes);

}  // namespace kw::server
