// SPDX-License-Identifier: Apache-2.0
// f16 by the processor's own conversions (F16C), eight at a time: the same bits as ops_half.hpp.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"

namespace kw::emu {

enum class HalfForm : std::uint8_t {
    add,
    subtract,
    multiply,
    fma,
    widen,   ///< cvt.f32.f16
    narrow,  ///< cvt.rn.f16.f32
    pack,    ///< cvt.rn.f16x2.f32
};

/// A handler of the form, of both halves of its registers where `packed`; null where this processor
/// or modern_allowed() does not have it.
[[nodiscard]] Handler modern_half(HalfForm form, bool packed);

}  // namespace kw::emu
