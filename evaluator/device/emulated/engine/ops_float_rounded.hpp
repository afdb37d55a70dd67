// SPDX-License-Identifier: Apache-2.0
// Arithmetic that is not rounded to nearest, or is saturated: exact in integers, then rounded once.
#pragma once

#include "evaluator/device/emulated/engine/rounding.hpp"

namespace kw::emu {

enum class Arithmetic : std::uint8_t {
    add,
    subtract,
    multiply,
    fma,
    divide,
    reciprocal,
    square_root,
};

[[nodiscard]] Binding bind_rounded_f32(Arithmetic arithmetic, Round round, bool ftz, bool sat);
[[nodiscard]] Binding bind_rounded_f64(Arithmetic arithmetic, Round round);

}  // namespace kw::emu
