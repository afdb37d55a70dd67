// SPDX-License-Identifier: Apache-2.0
// f16 and bf16 arithmetic on single values, rounded once (PTX ISA 9.0, 9.7.4). Sums and products of
// two f16 may be rounded to f32 first: f32 has more than twice the places, which makes the second
// rounding harmless. fma, and bf16 products (which leave f32's range), go through round to odd.
#pragma once

#include "evaluator/device/emulated/engine/ops_float.hpp"

namespace kw::emu {

KW_LANE inline Half narrow(float a, Half /*like*/) {
    return narrow_half(a);
}

KW_LANE inline Brain narrow(float a, Brain /*like*/) {
    return narrow_brain(a);
}

// What the exact result is rounded to first, still to be narrowed.
struct NarrowAdd {
    template <class T>
    KW_LANE float operator()(T a, T b) const {
        return widen(a) + widen(b);
    }
};

struct NarrowSubtract {
    template <class T>
    KW_LANE float operator()(T a, T b) const {
        return widen(a) - widen(b);
    }
};

struct NarrowMultiply {
    KW_LANE float operator()(Half a, Half b) const { return widen(a) * widen(b); }
    KW_LANE float operator()(Brain a, Brain b) const {
        return narrow_to_odd(double{widen(a)} * double{widen(b)});
    }
};

struct NarrowFma {
    KW_LANE float operator()(Half a, Half b, Half c) const {
        return add_to_odd(widen(a) * widen(b), widen(c));
    }
    KW_LANE float operator()(Brain a, Brain b, Brain c) const {
        return narrow_to_odd(add_to_odd(double{widen(a)} * double{widen(b)}, double{widen(c)}));
    }
};

enum class Limit : std::uint8_t { none, saturate, relu };

KW_LANE inline Half flushed_if(bool ftz, Half a) {
    return ftz ? flushed(a) : a;
}

KW_LANE inline Brain flushed_if(bool ftz, Brain a) {
    const bool small = (a.bits & 0x7F80U) == 0;
    return {static_cast<std::uint16_t>(ftz && small ? a.bits & 0x8000U : a.bits)};
}

/// Negative numbers become 0, a NaN stays (it is canonical, so it has no sign).
template <class T>
KW_LANE inline T relu(T a) {
    return {static_cast<std::uint16_t>((a.bits & 0x8000U) != 0 ? 0U : a.bits)};
}

/// Op with .ftz of operands and result, .sat or .relu.
template <class Op, bool ftz, Limit limit>
struct Narrow {
    template <class T, class... More>
    KW_LANE T operator()(T a, More... more) const {
        float result = Op{}(flushed_if(ftz, a), flushed_if(ftz, more)...);
        if constexpr (limit == Limit::saturate) {
            result = saturated(result);
        }
        const T rounded = flushed_if(ftz, narrow(result, a));
        if constexpr (limit == Limit::relu) {
            return relu(rounded);
        } else {
            return rounded;
        }
    }
};

/// Op on both halves of 32-bit registers.
template <class Op, class T>
struct Both : UsesIsa {
    template <class Isa, class... A>
    KW_LANE std::uint32_t operator()(Isa /*isa*/, A... in) const {
        const T low = apply<Isa, Op>(from_lane<T>(in)...);
        const T high = apply<Isa, Op>(from_lane<T>(in >> 16)...);
        return to_lane(low) | (to_lane(high) << 16);
    }
};

/// Bits that compare as integers as the numbers do, -0 below +0.
KW_LANE inline std::int32_t order_of(std::uint32_t bits) {
    const std::int32_t wide = static_cast<std::int16_t>(bits);
    return wide ^ ((wide >> 15) & 0x7FFF);
}

/// min or max as `extreme` of f32 has them, on the bits; a NaN has more than those of infinity.
template <bool maximum, bool nan, bool xorsign>
KW_LANE inline std::uint32_t extreme_bits(
    std::uint32_t a, std::uint32_t b, std::uint32_t infinity) {
    const std::uint32_t x = xorsign ? a & 0x7FFFU : a;
    const std::uint32_t y = xorsign ? b & 0x7FFFU : b;
    const bool a_nan = (a & 0x7FFFU) > infinity;
    const bool b_nan = (b & 0x7FFFU) > infinity;
    const bool first = maximum ? order_of(x) > order_of(y) : order_of(x) < order_of(y);
    const std::uint32_t number = first ? x : y;
    const std::uint32_t chosen = a_nan ? y : b_nan ? x : number;
    const std::uint32_t result = xorsign ? chosen | ((a ^ b) & 0x8000U) : chosen;
    const bool invalid = nan ? a_nan | b_nan : a_nan & b_nan;
    return invalid ? k_half_nan : result;
}

/// A binding of Op on T, or on both halves of registers; `common` ones get the wider vectors.
template <class Op, class T, class... Same>
[[nodiscard]] Binding bind_narrow_as(bool packed, Work work, std::true_type /*common*/) {
    if (packed) {
        return bind_map<
            Both<Op, T>,
            std::uint32_t,
            std::conditional_t<true, std::uint32_t, Same>...>(work);
    }
    return bind_map<Op, T, Same...>(work, true);
}

template <class Op, class T, class... Same>
[[nodiscard]] Binding bind_narrow_as(bool packed, Work work, std::false_type /*common*/ = {}) {
    if (packed) {
        return bind_plain<
            Both<Op, T>,
            std::uint32_t,
            std::conditional_t<true, std::uint32_t, Same>...>(work);
    }
    return bind_plain<Op, T, Same...>(work, true);
}

}  // namespace kw::emu
