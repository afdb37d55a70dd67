// SPDX-License-Identifier: Apache-2.0
// f32 and f64 arithmetic on single lanes (PTX ISA 9.0, 9.7.3). An f32 NaN result is 0x7FFFFFFF.
// Rounding to nearest is the processor's; the other directions are in ops_float_rounded.cpp.
#pragma once

#include "evaluator/device/emulated/engine/half.hpp"
#include "evaluator/device/emulated/engine/lane_loop.hpp"

#include <cmath>
#include <cstdint>

namespace kw::emu {

/// A NaN in any operand becomes the result, quiet; else a NaN result is the default one.
template <class... Operands>
KW_LANE inline double settle_nan(double result, Operands... operands) {
    constexpr std::uint64_t quiet = std::uint64_t{1} << 51;
    if (result == result) {
        return result;
    }
    std::uint64_t bits = 0xFFF8000000000000U;
    // The first one wins, so the last is tried first.
    const double all[] = {operands...};
    for (std::size_t i = sizeof...(operands); i > 0; --i) {
        bits = all[i - 1] != all[i - 1] ? bits_of(all[i - 1]) | quiet : bits;
    }
    return double_of(bits);
}

struct RealAdd {
    KW_LANE float operator()(float a, float b) const { return a + b; }
    KW_LANE double operator()(double a, double b) const { return settle_nan(a + b, a, b); }
};

struct RealSubtract {
    KW_LANE float operator()(float a, float b) const { return a - b; }
    KW_LANE double operator()(double a, double b) const { return settle_nan(a - b, a, b); }
};

struct RealMultiply {
    KW_LANE float operator()(float a, float b) const { return a * b; }
    KW_LANE double operator()(double a, double b) const { return settle_nan(a * b, a, b); }
};

struct RealFma : UsesIsa {
    template <class Isa>
    KW_LANE float operator()(Isa /*isa*/, float a, float b, float c) const {
        if constexpr (Isa::fma) {
            return __builtin_fmaf(a, b, c);
        } else {
            // The product is exact, the sum keeps what decides the rounding.
            return static_cast<float>(add_to_odd(double{a} * double{b}, double{c}));
        }
    }
    template <class Isa>
    KW_LANE double operator()(Isa /*isa*/, double a, double b, double c) const {
        return settle_nan(__builtin_fma(a, b, c), a, b, c);
    }
};

struct RealDivide {
    KW_LANE float operator()(float a, float b) const { return a / b; }
    KW_LANE double operator()(double a, double b) const { return settle_nan(a / b, a, b); }
};

/// a / b with at most 2 units of error; 0 where |b| > 2^126 (a NaN where a is infinite).
struct DivideApproximate {
    KW_LANE float operator()(float a, float b) const {
        const std::uint32_t size = bits_of(b) & 0x7FFFFFFFU;
        const bool huge = (size > 0x7E800000U) & (size < 0x7F800000U);
        const float zero = float_of((bits_of(a) ^ bits_of(b)) & 0x80000000U);
        const bool undefined = (bits_of(a) & 0x7FFFFFFFU) >= 0x7F800000U;
        const float beyond = undefined ? float_of(k_float_nan) : zero;
        return huge ? beyond : a / b;
    }
};

struct Reciprocal {
    KW_LANE float operator()(float a) const { return 1.0F / a; }
    KW_LANE double operator()(double a) const { return settle_nan(1.0 / a, a); }
};

struct SquareRoot {
    KW_LANE float operator()(float a) const { return __builtin_sqrtf(a); }
    KW_LANE double operator()(double a) const { return settle_nan(__builtin_sqrt(a), a); }
};

struct ReciprocalRoot {
    KW_LANE float operator()(float a) const {
        return static_cast<float>(1.0 / __builtin_sqrt(double{a}));
    }
    KW_LANE double operator()(double a) const { return settle_nan(1.0 / __builtin_sqrt(a), a); }
};

/// Op on f32, with .ftz of operands and result.
template <class Op, bool ftz>
struct Single : UsesIsa {
    template <class Isa, class... A>
    KW_LANE float operator()(Isa /*isa*/, A... args) const {
        if constexpr (ftz) {
            return flushed(canonical(apply<Isa, Op>(flushed(args)...)));
        } else {
            return canonical(apply<Isa, Op>(args...));
        }
    }
};

/// [0, 1]; a NaN and -0 become 0.
KW_LANE inline float saturated(float a) {
    const float low = a > 0.0F ? a : 0.0F;
    return low < 1.0F ? low : 1.0F;
}

/// Bits that compare as integers as the numbers do, -0 below +0.
KW_LANE inline std::int32_t order_of(float a) {
    const auto bits = static_cast<std::int32_t>(bits_of(a));
    return bits ^ static_cast<std::int32_t>(static_cast<std::uint32_t>(bits >> 31) >> 1);
}

KW_LANE inline std::int64_t order_of(double a) {
    const auto bits = static_cast<std::int64_t>(bits_of(a));
    return bits ^ static_cast<std::int64_t>(static_cast<std::uint64_t>(bits >> 63) >> 1);
}

/// min or max of two numbers that are no NaNs; of a NaN and a number the number, of two NaNs a NaN.
template <bool maximum, class T>
KW_LANE inline T extreme_number(T a, T b) {
    const bool first = maximum ? order_of(a) > order_of(b) : order_of(a) < order_of(b);
    const T chosen = first ? a : b;
    return a != a ? b : b != b ? a : chosen;
}

KW_LANE inline float sign_of_product(float magnitude, float a, float b) {
    return float_of(bits_of(magnitude) | ((bits_of(a) ^ bits_of(b)) & 0x80000000U));
}

KW_LANE inline float magnitude_of(float a) {
    return float_of(bits_of(a) & 0x7FFFFFFFU);
}

/// min and max of f32, and of the narrow types when they are widened.
template <bool maximum, bool nan, bool xorsign>
KW_LANE inline float extreme(float a, float b) {
    const float x = xorsign ? magnitude_of(a) : a;
    const float y = xorsign ? magnitude_of(b) : b;
    const float chosen = extreme_number<maximum>(x, y);
    const float signed_one = xorsign ? sign_of_product(chosen, a, b) : chosen;
    const bool invalid = nan ? (a != a) | (b != b) : (a != a) & (b != b);
    return invalid ? float_of(k_float_nan) : signed_one;
}

}  // namespace kw::emu
