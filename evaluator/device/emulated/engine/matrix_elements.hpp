// SPDX-License-Identifier: Apache-2.0
// The element types of matrix instructions: from the bits in a row of bytes to numbers. Loops over
// whole matrices, so everything here is free of branches and vectorises.
#pragma once

#include "evaluator/device/emulated/engine/fp8.hpp"

namespace kw::emu {

struct ElementF16 {
    using Raw = std::uint16_t;
    KW_LANE static float value(Raw raw) { return widen(Half{raw}); }
};

struct ElementBf16 {
    using Raw = std::uint16_t;
    KW_LANE static float value(Raw raw) { return widen(Brain{raw}); }
};

/// The low 13 bits of the register are ignored.
struct ElementTf32 {
    using Raw = std::uint32_t;
    KW_LANE static float value(Raw raw) { return float_of(raw & 0xFFFFE000U); }
};

struct ElementE5m2 {
    using Raw = std::uint8_t;
    KW_LANE static float value(Raw raw) {
        return widen(Half{static_cast<std::uint16_t>(raw << 8)});
    }
};

struct ElementE4m3 {
    using Raw = std::uint8_t;
    KW_LANE static float value(Raw raw) {
        const std::uint32_t magnitude = raw & 0x7FU;
        const float normal = float_of((magnitude << 20) + (120U << 23));
        // Subnormal: what exceeds the smallest normal number.
        const float small = float_of((magnitude << 20) + (121U << 23)) - float_of(121U << 23);
        const std::uint32_t finite = bits_of(magnitude < 8U ? small : normal);
        const std::uint32_t bits = magnitude == 0x7FU ? k_float_nan : finite;
        return float_of(bits | (std::uint32_t{raw} & 0x80U) << 24);
    }
};

/// `count` elements that follow each other in memory.
template <class Element>
KW_LANE inline void to_doubles(const std::byte* from, std::size_t count, double* to) {
    using Raw = typename Element::Raw;
    for (std::size_t i = 0; i < count; ++i) {
        Raw raw;
        std::memcpy(&raw, from + i * sizeof(Raw), sizeof(Raw));
        to[i] = static_cast<double>(Element::value(raw));
    }
}

/// `count` bytes of signed or unsigned 8-bit elements.
KW_LANE inline void bytes_to_floats(
    const std::byte* from, std::size_t count, bool is_signed, float* to) {
    const int sign = is_signed ? 0x80 : 0;
    for (std::size_t i = 0; i < count; ++i) {
        const int byte = std::to_integer<int>(from[i]);
        to[i] = static_cast<float>(byte - ((byte & sign) << 1));
    }
}

/// `count` bytes of two 4-bit elements each, the lower half first.
KW_LANE inline void nibbles_to_floats(
    const std::byte* from, std::size_t count, bool is_signed, float* to) {
    const int sign = is_signed ? 8 : 0;
    for (std::size_t i = 0; i < count; ++i) {
        const int low = std::to_integer<int>(from[i]) & 15;
        const int high = std::to_integer<int>(from[i]) >> 4;
        to[2 * i] = static_cast<float>(low - ((low & sign) << 1));
        to[2 * i + 1] = static_cast<float>(high - ((high & sign) << 1));
    }
}

}  // namespace kw::emu
