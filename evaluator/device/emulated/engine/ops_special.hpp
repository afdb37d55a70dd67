// SPDX-License-Identifier: Apache-2.0
// ex2, lg2, sin, cos, tanh in f64 without branches, good to some 2^-40, so that rounding them to
// f32 nearly always gives the nearest number. The device's own approximations differ from that by a
// few units in the last place, and the ISA promises no bits. No libm: the same bits on every host.
#pragma once

#include "evaluator/device/emulated/engine/half.hpp"

namespace kw::emu {

/// Nearest integer, for |a| < 2^51.
KW_LANE inline double nearest_integer(double a) {
    return (a + 0x1.8p52) - 0x1.8p52;
}

KW_LANE inline double clamped(double a, double low, double high) {
    const double raised = a > low ? a : low;
    return raised < high ? raised : high;
}

/// 2^a for a in [-1000, 1000], else the value at the end of that range; a NaN is 2^-1000.
KW_LANE inline double exp2_of(double a) {
    const double x = clamped(a, -1000.0, 1000.0);
    const double shifted = x + 0x1.8p52;
    const double whole = shifted - 0x1.8p52;
    const double z = (x - whole) * 0x1.62e42fefa39efp-1;  // ln 2
    double sum = 1.0 / 39916800.0;
    sum = sum * z + 1.0 / 3628800.0;
    sum = sum * z + 1.0 / 362880.0;
    sum = sum * z + 1.0 / 40320.0;
    sum = sum * z + 1.0 / 5040.0;
    sum = sum * z + 1.0 / 720.0;
    sum = sum * z + 1.0 / 120.0;
    sum = sum * z + 1.0 / 24.0;
    sum = sum * z + 1.0 / 6.0;
    sum = sum * z + 0.5;
    sum = sum * z + 1.0;
    sum = sum * z + 1.0;
    return double_of(bits_of(sum) + (bits_of(shifted) << 52));
}

/// log2 of a positive normal finite number.
KW_LANE inline double log2_of(double a) {
    constexpr std::uint64_t root = 0x3FF6A09E667F3BCDU;  // of 2
    const std::uint64_t bits = bits_of(a);
    // Exponent and fraction so that the fraction lies in [root / 2, root).
    const std::uint64_t moved = bits + (0x4000000000000000U - root);
    const std::uint64_t exponent = moved >> 52;
    const double fraction = double_of(bits - (exponent << 52) + (std::uint64_t{0x3FF} << 52));
    const double whole = double_of(0x4330000000000000U | exponent) - (0x1p52 + 1023.0);
    const double s = (fraction - 1.0) / (fraction + 1.0);
    const double t = s * s;
    double sum = 1.0 / 21.0;
    sum = sum * t + 1.0 / 19.0;
    sum = sum * t + 1.0 / 17.0;
    sum = sum * t + 1.0 / 15.0;
    sum = sum * t + 1.0 / 13.0;
    sum = sum * t + 1.0 / 11.0;
    sum = sum * t + 1.0 / 9.0;
    sum = sum * t + 1.0 / 7.0;
    sum = sum * t + 1.0 / 5.0;
    sum = sum * t + 1.0 / 3.0;
    sum = sum * t + 1.0;
    return whole + s * sum * 0x1.71547652b82fep+1;  // 2 / ln 2
}

/// sin(a) where quarter = 0, cos(a) where it is 1. Beyond some 2^30 the number is bounded but has
/// little to do with the angle, as on the device; infinities give a NaN.
KW_LANE inline double sine_of(double a, std::uint64_t quarter) {
    const double turns = nearest_integer(clamped(a * 0x1.45f306dc9c883p-3, -0x1p50, 0x1p50));
    const double near =
        clamped(((a - turns * 0x1.921fb54p+2) - turns * 0x1.10b4611a62633p-28), -8.0, 8.0);
    const double shifted = near * 0x1.45f306dc9c883p-1 + 0x1.8p52;  // 2 / pi
    const double quarters = shifted - 0x1.8p52;
    const double r = (near - quarters * 0x1.921fb54p+0) - quarters * 0x1.10b4611a62633p-30;
    const double t = r * r;
    double sine = 1.0 / 6227020800.0;
    sine = sine * t - 1.0 / 39916800.0;
    sine = sine * t + 1.0 / 362880.0;
    sine = sine * t - 1.0 / 5040.0;
    sine = sine * t + 1.0 / 120.0;
    sine = sine * t - 1.0 / 6.0;
    sine = r * (1.0 + t * sine);  // keeps a negative zero
    double cosine = -1.0 / 87178291200.0;
    cosine = cosine * t + 1.0 / 479001600.0;
    cosine = cosine * t - 1.0 / 3628800.0;
    cosine = cosine * t + 1.0 / 40320.0;
    cosine = cosine * t - 1.0 / 720.0;
    cosine = cosine * t + 1.0 / 24.0;
    cosine = cosine * t - 0.5;
    cosine = 1.0 + t * cosine;
    const std::uint64_t which = bits_of(shifted) + quarter;
    const double chosen = choose((which & 1U) != 0, cosine, sine);
    const double result = double_of(bits_of(chosen) ^ ((which & 2U) << 62));
    return choose(a - a == 0, result, double_of(0x7FF8000000000000U));
}

KW_LANE inline double tanh_of(double a) {
    const double doubled = exp2_of(a * 0x1.71547652b82fep+1);  // e^(2a)
    const double large = 1.0 - 2.0 / (doubled + 1.0);
    const double t = a * a;
    const double small = a * (1.0 - t * (1.0 / 3.0 - t * (2.0 / 15.0)));
    return choose(t < 0x1p-16, small, large);
}

}  // namespace kw::emu
