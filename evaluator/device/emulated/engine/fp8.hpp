// SPDX-License-Identifier: Apache-2.0
// e4m3 (no infinities, S.1111.111 is NaN, largest 448) and e5m2 (as IEEE, largest 57344), one byte.
// Source: OCP 8-bit floating point specification; PTX ISA 9.0, cvt.
#pragma once

#include "evaluator/device/emulated/engine/half.hpp"

#include <cstdint>

namespace kw::emu {

/// `mantissa` fraction bits, `bias` of the exponent, the largest finite number and the NaN.
struct Small {
    unsigned mantissa;
    int bias;
    std::uint8_t largest;
    std::uint8_t nan;
};
inline constexpr Small k_e4m3{3, 7, 0x7E, 0x7F};
inline constexpr Small k_e5m2{2, 15, 0x7B, 0x7F};

/// To nearest, ties to even; beyond the largest number it stays the largest one (.satfinite); any
/// NaN becomes the positive one.
template <Small format>
KW_LANE inline std::uint32_t narrow_small(float a) {
    constexpr unsigned cut = 23 - format.mantissa;
    constexpr std::uint32_t rebias = static_cast<std::uint32_t>(127 - format.bias) << 23;
    constexpr std::uint32_t smallest_normal = rebias + (1U << 23);
    // Where one unit in the last place of f32 is a subnormal's of the format.
    constexpr std::uint32_t magic = smallest_normal + (cut << 23);
    const std::uint32_t bits = bits_of(a);
    const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
    const std::uint32_t small = bits_of(float_of(magnitude) + float_of(magic)) - magic;
    const std::uint32_t even = (magnitude >> cut) & 1U;
    const std::uint32_t normal = (magnitude + ((1U << (cut - 1)) - 1U) + even - rebias) >> cut;
    std::uint32_t result = magnitude < smallest_normal ? small : normal;
    // Beyond 2^20 the shifted number might wrap; it is too large in any case.
    result = (magnitude > 0x49800000U) | (result > format.largest) ? format.largest : result;
    result |= (bits >> 24) & 0x80U;
    return magnitude > 0x7F800000U ? format.nan : result;
}

/// Exact.
KW_LANE inline Half half_of_e5m2(std::uint32_t byte) {
    const std::uint32_t bits = (byte & 0xFFU) << 8;
    return {static_cast<std::uint16_t>((bits & 0x7FFFU) > 0x7C00U ? k_half_nan : bits)};
}

KW_LANE inline Half half_of_e4m3(std::uint32_t byte) {
    const std::uint32_t magnitude = byte & 0x7FU;
    const std::uint32_t sign = (byte & 0x80U) << 8;
    // Exponent and fraction put into an f32 whose exponent is 64 + the field, so value * 2^-56; a
    // subnormal is what exceeds the smallest number with the next exponent.
    const float normal = float_of((magnitude << 20) + (64U << 23));
    const float subnormal = float_of((magnitude << 20) + (65U << 23)) - float_of(65U << 23);
    const float value = (magnitude < 8U ? subnormal : normal) * 0x1p56F;
    const std::uint32_t result = sign | narrow_half(value).bits;
    return {static_cast<std::uint16_t>(magnitude == 0x7FU ? k_half_nan : result)};
}

}  // namespace kw::emu
