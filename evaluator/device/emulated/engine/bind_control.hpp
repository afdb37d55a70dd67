// SPDX-License-Identifier: Apache-2.0
// Binders of opcodes_control.def.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"

namespace kw::emu {

Binding bind_bra(const Match& match);
Binding bind_brx(const Match& match);
Binding bind_exit(const Match& match);
Binding bind_trap(const Match& match);
Binding bind_nothing(const Match& match);
Binding bind_nanosleep(const Match& match);
Binding bind_fence(const Match& match);
Binding bind_bar_sync(const Match& match);
Binding bind_bar_arrive(const Match& match);
Binding bind_bar_red(const Match& match);
Binding bind_bar_warp_sync(const Match& match);
Binding bind_cluster_arrive(const Match& match);
Binding bind_cluster_wait(const Match& match);

}  // namespace kw::emu
