// SPDX-License-Identifier: Apache-2.0
// Handlers that the decoder names itself: they stand for no row of opcodes.def, or for several.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"

namespace kw::emu {

void run_bra(const Insn& insn, Warp& warp, Lanes active);
void run_exit(const Insn& insn, Warp& warp, Lanes active);
/// slot[0], slot[1]: generic addresses of the two parameters (format, values).
void run_vprintf(const Insn& insn, Warp& warp, Lanes active);
/// slot[0] ...: generic addresses of the parameters (message, file, line, function, char size).
void run_assertfail(const Insn& insn, Warp& warp, Lanes active);
/// slot[0] = slot[1] + offset; wide: in 8-byte lanes.
void run_hidden_add(const Insn& insn, Warp& warp, Lanes active);

}  // namespace kw::emu
