// SPDX-License-Identifier: Apache-2.0
// Bytes of blobs and JSON columns. Reading treats them as hostile: sizes are capped before memory
// is taken, and what does not decode is an Error.
#pragma once

#include "core/evaluation.hpp"
#include "core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kw::db {

/// No source, prompt, reply or sample list may be longer than this, packed or not.
inline constexpr std::size_t k_unpacked_limit = std::size_t{64} << 20;

using Bytes = std::vector<std::byte>;

/// One zstd frame that states its content size. Errc::database when the input is over the limit.
[[nodiscard]] Result<Bytes> pack_text(std::string_view text);
[[nodiscard]] Result<std::string> unpack_text(
    std::span<const std::byte> packed, std::size_t limit = k_unpacked_limit);

/// Version byte 1, then a zstd frame of: all baseline_ns, all candidate_ns (IEEE doubles in eight
/// byte planes, least significant first), all placements, all orders. Doubles keep every bit.
[[nodiscard]] Result<Bytes> pack_samples(const std::vector<Sample>& samples);
[[nodiscard]] Result<std::vector<Sample>> unpack_samples(std::span<const std::byte> packed);

/// A flat JSON object of integers; keys that are not UTF-8 are repaired.
[[nodiscard]] std::string json_of(const std::map<std::string, int>& counts);
[[nodiscard]] std::string json_of(const DimMap& dims);
[[nodiscard]] Result<void> from_json(const std::string& json, std::map<std::string, int>& counts);
[[nodiscard]] Result<void> from_json(const std::string& json, DimMap& dims);

}  // namespace kw::db
