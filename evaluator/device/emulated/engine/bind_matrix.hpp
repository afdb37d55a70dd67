// SPDX-License-Identifier: Apache-2.0
// Binders of opcodes_matrix.def.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"

namespace kw::emu {

Binding bind_mma_real(const Match& match);
Binding bind_mma_integer(const Match& match);
Binding bind_mma_bits(const Match& match);
Binding bind_mma_double(const Match& match);

}  // namespace kw::emu
