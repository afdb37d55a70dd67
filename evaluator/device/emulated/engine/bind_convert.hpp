// SPDX-License-Identifier: Apache-2.0
// Binders of the rows of opcodes_convert.def.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"

namespace kw::emu {

[[nodiscard]] Binding bind_cvt(const Match& match);
[[nodiscard]] Binding bind_cvt_from_fp8(const Match& match);
[[nodiscard]] Binding bind_cvt_narrow(const Match& match);
[[nodiscard]] Binding bind_cvt_pack(const Match& match);
[[nodiscard]] Binding bind_cvt_tf32(const Match& match);
[[nodiscard]] Binding bind_cvt_to_fp8(const Match& match);

}  // namespace kw::emu
