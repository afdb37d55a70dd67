// SPDX-License-Identifier: Apache-2.0
// f16 and bf16 values and their conversions, without branches, so that loops over lanes vectorise.
// Arithmetic here and in the handlers relies on the processor's default rounding (to nearest) and
// on nothing else of its floating-point state: subnormal f32 operands do not arise from f16 ones.
#pragma once

#include "evaluator/device/emulated/engine/lane_loop.hpp"

#include <bit>
#include <cstdint>

namespace kw::emu {

struct Half {
    std::uint16_t bits;
};
struct Brain {  ///< bf16
    std::uint16_t bits;
};

inline constexpr std::uint16_t k_half_nan = 0x7FFF;
inline constexpr std::uint32_t k_float_nan = 0x7FFFFFFF;

KW_LANE inline std::uint32_t bits_of(float a) {
    return std::bit_cast<std::uint32_t>(a);
}

KW_LANE inline std::uint64_t bits_of(double a) {
    return std::bit_cast<std::uint64_t>(a);
}

KW_LANE inline float float_of(std::uint32_t bits) {
    return std::bit_cast<float>(bits);
}

KW_LANE inline double double_of(std::uint64_t bits) {
    return std::bit_cast<double>(bits);
}

/// yes ? a : b, of which both are computed in any case: a branch would end vectorisation.
KW_LANE inline float choose(bool yes, float a, float b) {
    const std::uint32_t mask = 0U - static_cast<std::uint32_t>(yes);
    return float_of((bits_of(a) & mask) | (bits_of(b) & ~mask));
}

KW_LANE inline double choose(bool yes, double a, double b) {
    const std::uint64_t mask = std::uint64_t{0} - static_cast<std::uint64_t>(yes);
    return double_of((bits_of(a) & mask) | (bits_of(b) & ~mask));
}

/// The canonical NaN for any NaN.
KW_LANE inline float canonical(float a) {
    return a != a ? float_of(k_float_nan) : a;
}

/// .ftz: a subnormal becomes a zero of its sign.
KW_LANE inline float flushed(float a) {
    const std::uint32_t bits = bits_of(a);
    return float_of((bits & 0x7F800000U) == 0 ? bits & 0x80000000U : bits);
}

KW_LANE inline Half flushed(Half a) {
    return {static_cast<std::uint16_t>((a.bits & 0x7C00U) == 0 ? a.bits & 0x8000U : a.bits)};
}

/// Exact; a NaN becomes a NaN.
KW_LANE inline float widen(Half a) {
    const std::uint32_t magnitude = std::uint32_t{a.bits & 0x7FFFU} << 13;
    const std::uint32_t sign = std::uint32_t{a.bits & 0x8000U} << 16;
    // Subnormals: the missing leading one is added and taken away as a number.
    const std::uint32_t small = bits_of(float_of(magnitude + (113U << 23)) - 0x1p-14F);
    const std::uint32_t normal = magnitude + (112U << 23);
    const std::uint32_t special = magnitude | 0x7F800000U;
    const std::uint32_t finite = magnitude < (1U << 23) ? small : normal;
    return float_of(sign | (magnitude >= (31U << 23) ? special : finite));
}

KW_LANE inline float widen(Brain a) {
    return float_of(std::uint32_t{a.bits} << 16);
}

/// To nearest, ties to even; a NaN becomes the canonical one.
KW_LANE inline Half narrow_half(float a) {
    const std::uint32_t bits = bits_of(a);
    const std::uint32_t sign = (bits >> 16) & 0x8000U;
    const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
    // 0.5 has the spacing of subnormal f16, so this addition rounds as it has to.
    const std::uint32_t small = bits_of(float_of(magnitude) + 0.5F) - bits_of(0.5F);
    const std::uint32_t even = (magnitude >> 13) & 1U;
    const std::uint32_t normal = (magnitude + 0xFFFU + even - (112U << 23)) >> 13;
    std::uint32_t result = magnitude < 0x38800000U ? small : normal;
    result = magnitude >= 0x477FF000U ? 0x7C00U : result;
    result |= sign;
    return {static_cast<std::uint16_t>(magnitude > 0x7F800000U ? k_half_nan : result)};
}

KW_LANE inline Brain narrow_brain(float a) {
    const std::uint32_t bits = bits_of(a);
    const std::uint32_t rounded = (bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16;
    return {static_cast<std::uint16_t>(
        (bits & 0x7FFFFFFFU) > 0x7F800000U ? std::uint32_t{k_half_nan} : rounded)};
}

/// a + b rounded to odd: where the sum is not exact, the neighbour with the odd last place.
/// Rounding that again to a type with at least two places less gives what one rounding would have
/// given.
KW_LANE inline float add_to_odd(float a, float b) {
    const float sum = a + b;
    const float part = sum - a;
    const float rest = (a - (sum - part)) + (b - part);
    const std::uint32_t bits = bits_of(sum);
    const std::uint32_t inexact = static_cast<std::uint32_t>((rest < 0) | (rest > 0));
    const std::uint32_t step = inexact & ~bits & 1U;
    // Away from zero if the rest has the sign of the sum, else towards zero.
    const bool outwards = ((bits_of(rest) ^ bits) >> 31) == 0;
    return float_of(outwards ? bits + step : bits - step);
}

KW_LANE inline double add_to_odd(double a, double b) {
    const double sum = a + b;
    const double part = sum - a;
    const double rest = (a - (sum - part)) + (b - part);
    const std::uint64_t bits = bits_of(sum);
    const std::uint64_t inexact = static_cast<std::uint64_t>((rest < 0) | (rest > 0));
    const std::uint64_t step = inexact & ~bits & 1U;
    const bool outwards = ((bits_of(rest) ^ bits) >> 63) == 0;
    return double_of(outwards ? bits + step : bits - step);
}

KW_LANE inline float narrow_to_odd(double a) {
    const auto near = static_cast<float>(a);
    const double back = near;
    const std::uint32_t bits = bits_of(near);
    const std::uint32_t inexact = static_cast<std::uint32_t>((back < a) | (back > a));
    const std::uint32_t step = inexact & ~bits & 1U;
    const double near_size = double_of(bits_of(back) & ~(std::uint64_t{1} << 63));
    const double size = double_of(bits_of(a) & ~(std::uint64_t{1} << 63));
    return float_of(near_size < size ? bits + step : bits - step);
}

}  // namespace kw::emu
