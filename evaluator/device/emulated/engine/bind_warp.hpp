// SPDX-License-Identifier: Apache-2.0
// Binders of opcodes_warp.def.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"

namespace kw::emu {

Binding bind_shfl(const Match& match);
Binding bind_vote(const Match& match);
Binding bind_activemask(const Match& match);
Binding bind_match_any(const Match& match);
Binding bind_match_all(const Match& match);
Binding bind_redux(const Match& match);
Binding bind_elect(const Match& match);

}  // namespace kw::emu
