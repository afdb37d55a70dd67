// SPDX-License-Identifier: Apache-2.0
// Bit planes of small signed integers: [plane][row][K / 32] words, a word holding 32 successive k
// MSB first (k = 0 at bit 31); plane b weighs 2^b and the top plane -2^(planes - 1).
// Source: ABQ-LLM (arXiv 2408.08554).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace kw::formats {

/// `values` is [rows][columns], each in [-2^(planes-1), 2^(planes-1)); columns % 32 == 0.
[[nodiscard]] inline std::vector<std::uint32_t> to_bit_planes(
    std::span<const std::int8_t> values, std::size_t columns, int planes) {
    const std::size_t words = values.size() / 32;
    std::vector<std::uint32_t> out(words * static_cast<std::size_t>(planes));
    const std::size_t rows = values.size() / columns;
    for (std::size_t i = 0; i < rows * columns; ++i) {
        const auto bits = static_cast<std::uint32_t>(static_cast<std::uint8_t>(values[i]));
        for (std::size_t b = 0; b < static_cast<std::size_t>(planes); ++b) {
            out[b * words + i / 32] |= (bits >> b & 1U) << (31 - i % 32);
        }
    }
    return out;
}

/// The value at a flat index (row * columns + column) of planes made by to_bit_planes.
[[nodiscard]] inline int from_bit_planes(
    std::span<const std::uint32_t> planes_data, int planes, std::size_t index) {
    const std::size_t words = planes_data.size() / static_cast<std::size_t>(planes);
    int value = 0;
    for (int b = 0; b < planes; ++b) {
        const std::uint32_t word = planes_data[static_cast<std::size_t>(b) * words + index / 32];
        const int bit = static_cast<int>(word >> (31 - index % 32) & 1U);
        value += b == planes - 1 ? -(bit << b) : bit << b;
    }
    return value;
}

}  // namespace kw::formats
