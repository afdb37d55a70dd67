// SPDX-License-Identifier: Apache-2.0
// Reading and writing the small set of files of a build. What a sandboxed child may have written is
// opened without following links and with a cap on its size.
#pragma once

#include "core/result.hpp"

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace kw::cpu {

inline constexpr std::int64_t k_small_file = std::int64_t{4} << 20;
inline constexpr std::int64_t k_build_output_limit = std::int64_t{64} << 20;
inline constexpr std::int64_t k_pch_limit = std::int64_t{256} << 20;

/// The bytes of a regular file of at most `limit` bytes; nothing otherwise.
[[nodiscard]] std::optional<std::string> read_file(
    const std::filesystem::path& path, std::int64_t limit);

/// Creates the file with this mode whatever the umask; it must not exist yet.
[[nodiscard]] Result<void> write_file(
    const std::filesystem::path& path, std::string_view bytes, mode_t mode);

}  // namespace kw::cpu
