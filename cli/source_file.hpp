// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.hpp"

#include <filesystem>
#include <string>

namespace kw::cli {

/// A source of at most 1 MiB. Unreadable or larger: Errc::usage.
[[nodiscard]] Result<std::string> read_source_file(const std::filesystem::path& file);

}  // namespace kw::cli
