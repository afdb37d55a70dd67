// SPDX-License-Identifier: Apache-2.0
// Reading what a user names: sources, task files, cassettes.
#pragma once

#include "core/result.hpp"

#include <cstddef>
#include <filesystem>
#include <string>

namespace kw {

/// A candidate, a reference, a baseline is one file of at most this size.
inline constexpr std::size_t k_max_source_bytes = std::size_t{1} << 20;

/// Whole regular file, at most `max_bytes`. Errors are Errc::config and name the file; a FIFO or a
/// device is an error, never a wait.
[[nodiscard]] Result<std::string> read_text_file(
    const std::filesystem::path& file, std::size_t max_bytes = k_max_source_bytes);

}  // namespace kw
