// SPDX-License-Identifier: Apache-2.0
// Rounding in a chosen direction, in integers: what the processor does only to nearest. For forms
// that are rare enough not to be vectorised.
#pragma once

#include "evaluator/device/emulated/engine/lane_loop.hpp"

#include <cstdint>
#include <string_view>

namespace kw::emu {

enum class Round : std::uint8_t {
    nearest,  ///< ties to even
    zero,
    down,
    up,
    away,  ///< to nearest, ties away from zero (cvt.rna)
};

/// ".rn" or ".rni" and so on; "" is nearest.
[[nodiscard]] Round round_of(std::string_view name);

/// A binary floating-point format with subnormals, infinities and NaNs.
struct Format {
    int precision;     ///< with the leading one
    int min_exponent;  ///< of the smallest normal number
    int bits;
};
inline constexpr Format k_f16{11, -14, 16};
inline constexpr Format k_bf16{8, -126, 16};
inline constexpr Format k_f32{24, -126, 32};
inline constexpr Format k_f64{53, -1022, 64};

enum class Kind : std::uint8_t { zero, finite, infinite, nan };

/// A number: magnitude * 2^exponent, or a little more where `sticky` (then the magnitude has at
/// least two places more than it is rounded to).
struct Exact {
    Kind kind = Kind::zero;
    bool negative = false;
    bool sticky = false;
    int exponent = 0;
    u128 magnitude = 0;
};

[[nodiscard]] Exact unpack(const Format& format, std::uint64_t bits);
/// Overflow gives infinity or the largest number, as the direction says; a NaN gives the canonical
/// NaN (all ones but the sign; f64: 0xFFF8000000000000).
[[nodiscard]] std::uint64_t pack(const Format& format, const Exact& value, Round round);
[[nodiscard]] Exact exact_of(std::uint64_t magnitude, bool negative);

// Arithmetic on f64 values, and on values of lesser formats that were unpacked. The direction
// decides the sign of an exact zero sum.
[[nodiscard]] Exact multiply(const Exact& a, const Exact& b);
[[nodiscard]] Exact add(const Exact& a, const Exact& b, Round round);
[[nodiscard]] Exact divide(const Exact& a, const Exact& b);
[[nodiscard]] Exact square_root(const Exact& a);

/// To an integer in the direction, clamped to [low, high]; a NaN gives `nan`. Exponents of any
/// size.
[[nodiscard]] i128 to_integer(const Exact& value, Round round, i128 low, i128 high, i128 nan);
/// The integer nearest in the direction, as the same kind of number (cvt.rni.f32.f32).
[[nodiscard]] Exact to_integral(const Exact& value, Round round);

}  // namespace kw::emu
