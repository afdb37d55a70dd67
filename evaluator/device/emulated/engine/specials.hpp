// SPDX-License-Identifier: Apache-2.0
// Special registers (%tid, %laneid, %clock64 ...): names, widths, values.
#pragma once

#include "evaluator/device/emulated/engine/program.hpp"

namespace kw::emu {

struct WarpState;

/// Writes those special registers of the warp's frame that do not change.
void fill_specials(WarpState& warp, const Program& program);

/// Hidden instruction before a use of a register that changes: slot[0] is filled, mods is which.
void run_changing_special(const Insn& insn, Warp& warp, Lanes active);

}  // namespace kw::emu
