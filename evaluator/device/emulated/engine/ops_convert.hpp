// SPDX-License-Identifier: Apache-2.0
// What cvt converts between, and the handler that converts anything to anything, a lane at a time.
// The forms that matter have handlers of their own in ops_convert_fast.cpp, with the same results.
#pragma once

#include "evaluator/device/emulated/engine/rounding.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace kw::emu {

enum class Number : std::uint8_t { u8, u16, u32, u64, s8, s16, s32, s64, f16, bf16, f32, f64 };

[[nodiscard]] inline bool is_real(Number type) {
    return type >= Number::f16;
}

[[nodiscard]] inline bool is_signed(Number type) {
    return type >= Number::s8 && type <= Number::s64;
}

/// In bits.
[[nodiscard]] int size_of(Number type);
[[nodiscard]] std::optional<Number> number_of(std::string_view name);
[[nodiscard]] const Format& format_of(Number type);

struct Conversion {
    Number to = Number::u32;
    Number from = Number::u32;
    Round round = Round::nearest;
    bool integral = false;  ///< .rni ... between floating-point types
    bool ftz = false;
    bool saturate = false;
};

/// Conversion <-> Insn::mods.
[[nodiscard]] std::uint32_t packed_conversion(const Conversion& conversion);
[[nodiscard]] Conversion unpacked_conversion(std::uint32_t mods);

/// Any conversion, with integers in wider registers than they need.
void convert_any(const Insn& insn, Warp& warp, Lanes active);

/// A handler that is faster for this conversion and leaves registers of other widths to
/// convert_any, or null.
[[nodiscard]] Handler fast_conversion(const Conversion& conversion);

/// The lanes of 8 bytes that the types of the conversion in `mods` ask for, as in Insn::wide.
[[nodiscard]] inline std::uint8_t own_width(std::uint32_t mods) {
    return static_cast<std::uint8_t>((mods >> 16) & 3U);
}

}  // namespace kw::emu
