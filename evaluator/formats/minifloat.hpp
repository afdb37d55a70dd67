// SPDX-License-Identifier: Apache-2.0
// Small floating-point formats, one value at a time: plain and exact, for references, packers and
// tests. Source: OCP Microscaling Formats 1.0 (elements and E8M0), IEEE 754 (f16), bfloat16.
// Every encoder rounds to nearest, ties to even. NaN becomes the one canonical NaN of the format.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace kw::formats {

inline constexpr std::uint16_t k_bf16_nan = 0x7FC0;
inline constexpr std::uint16_t k_f16_nan = 0x7E00;
inline constexpr std::uint8_t k_e4m3_nan = 0x7F;
inline constexpr std::uint8_t k_e8m0_nan = 0xFF;

[[nodiscard]] inline float bf16_to_f32(std::uint16_t h) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(h) << 16);
}

[[nodiscard]] inline std::uint16_t f32_to_bf16(float x) {
    if (std::isnan(x)) {
        return k_bf16_nan;
    }
    const auto u = std::bit_cast<std::uint32_t>(x);
    return static_cast<std::uint16_t>((u + 0x7FFFU + ((u >> 16) & 1U)) >> 16);
}

[[nodiscard]] inline float f16_to_f32(std::uint16_t h) {
    const std::uint32_t sign = static_cast<std::uint32_t>(h & 0x8000U) << 16;
    const std::uint32_t exponent = (h >> 10) & 0x1FU;
    const std::uint32_t mantissa = h & 0x3FFU;
    if (exponent == 0x1FU) {
        return std::bit_cast<float>(sign | 0x7F800000U | (mantissa << 13));
    }
    if (exponent == 0) {  // subnormal: mantissa * 2^-24, exact in f32
        const float value = static_cast<float>(mantissa) * 0x1p-24F;
        return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) | sign);
    }
    return std::bit_cast<float>(sign | ((exponent + 112U) << 23) | (mantissa << 13));
}

/// Overflow gives infinity, as IEEE 754 asks.
[[nodiscard]] inline std::uint16_t f32_to_f16(float x) {
    if (std::isnan(x)) {
        return k_f16_nan;
    }
    const auto u = std::bit_cast<std::uint32_t>(x);
    const auto sign = static_cast<std::uint16_t>((u >> 16) & 0x8000U);
    const std::uint32_t a = u & 0x7FFFFFFFU;
    if (a < 0x38800000U) {  // below 2^-14: adding 0.5 puts the unit of 2^-24 at bit 0, and rounds
        const float shifted = std::bit_cast<float>(a) + 0.5F;
        return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) & 0x7FFU));
    }
    const std::uint32_t rounded = a + 0xFFFU + ((a >> 13) & 1U);
    if (rounded >= 0x47800000U) {  // 2^16 and above, infinities too
        return static_cast<std::uint16_t>(sign | 0x7C00U);
    }
    return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000U) >> 13));
}

/// Sign, exponent, mantissa; no infinities. Codes are right-aligned; the sign is the top bit.
struct MiniFormat {
    int exponent_bits;
    int mantissa_bits;
    int bias;
    int max_code;  ///< largest finite magnitude; larger values saturate to it
};
inline constexpr MiniFormat k_e2m1{2, 1, 1, 0x7};   ///< max 6
inline constexpr MiniFormat k_e2m3{2, 3, 1, 0x1F};  ///< max 7.5
inline constexpr MiniFormat k_e3m2{3, 2, 3, 0x1F};  ///< max 28
inline constexpr MiniFormat k_e4m3{4, 3, 7, 0x7E};  ///< max 448; 0x7F is NaN

/// Value of a code, NaN codes of E4M3 not considered.
[[nodiscard]] inline float mini_to_f32(const MiniFormat& format, int code) {
    const int magnitude_bits = format.exponent_bits + format.mantissa_bits;
    const int mantissa = code & ((1 << format.mantissa_bits) - 1);
    const int exponent = (code >> format.mantissa_bits) & ((1 << format.exponent_bits) - 1);
    const int whole = exponent == 0 ? mantissa : mantissa + (1 << format.mantissa_bits);
    const int power = (exponent == 0 ? 1 : exponent) - format.bias - format.mantissa_bits;
    const float value = std::ldexp(static_cast<float>(whole), power);
    return ((code >> magnitude_bits) & 1) != 0 ? -value : value;
}

/// Saturates, infinities too; keeps the sign of zero. `x` is not NaN.
[[nodiscard]] inline int f32_to_mini(const MiniFormat& format, float x) {
    const int sign = std::signbit(x) ? 1 << (format.exponent_bits + format.mantissa_bits) : 0;
    const double a = std::fabs(static_cast<double>(x));
    if (a == 0) {
        return sign;
    }
    if (a >= mini_to_f32(format, format.max_code)) {
        return sign | format.max_code;
    }
    int exponent = std::ilogb(a);
    exponent = exponent < 1 - format.bias ? 1 - format.bias : exponent;
    // In units of the last place; a carry into the next binade is the right code by itself.
    const int units =
        static_cast<int>(std::nearbyint(std::ldexp(a, format.mantissa_bits - exponent)));
    const int code = units + ((exponent + format.bias - 1) << format.mantissa_bits);
    return sign | (code < format.max_code ? code : format.max_code);
}

[[nodiscard]] inline float e4m3_to_f32(std::uint8_t code) {
    if ((code & 0x7F) == k_e4m3_nan) {
        return std::numeric_limits<float>::quiet_NaN();
    }
    return mini_to_f32(k_e4m3, code);
}

/// Saturates to +-448, infinities too.
[[nodiscard]] inline std::uint8_t f32_to_e4m3(float x) {
    return std::isnan(x) ? k_e4m3_nan : static_cast<std::uint8_t>(f32_to_mini(k_e4m3, x));
}

/// Low nibble only.
[[nodiscard]] inline float e2m1_to_f32(int code) {
    return mini_to_f32(k_e2m1, code & 0xF);
}

/// E2M1 has no NaN: NaN becomes +6, as cuda_fp4.h does. Block formats never get here with one.
[[nodiscard]] inline std::uint8_t f32_to_e2m1(float x) {
    return std::isnan(x) ? std::uint8_t{7} : static_cast<std::uint8_t>(f32_to_mini(k_e2m1, x));
}

/// 2^(code - 127); 0x00 is 2^-127 (a subnormal f32), 0xFF is NaN.
[[nodiscard]] inline float e8m0_to_f32(std::uint8_t code) {
    if (code == k_e8m0_nan) {
        return std::numeric_limits<float>::quiet_NaN();
    }
    return std::bit_cast<float>(code == 0 ? 0x00400000U : static_cast<std::uint32_t>(code) << 23);
}

/// Code of 2^exponent: clamped at -127 from below, NaN above 127.
[[nodiscard]] inline std::uint8_t e8m0_from_exponent(int exponent) {
    if (exponent > 127) {
        return k_e8m0_nan;
    }
    return static_cast<std::uint8_t>(exponent < -127 ? 0 : exponent + 127);
}

}  // namespace kw::formats
