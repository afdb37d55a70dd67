// SPDX-License-Identifier: Apache-2.0
// Binders of opcodes_memory.def.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"

namespace kw::emu {

Binding bind_load(const Match& match);
Binding bind_store(const Match& match);
Binding bind_atomic_add(const Match& match);
Binding bind_atomic_vector(const Match& match);
Binding bind_atomic_minmax(const Match& match);
Binding bind_atomic_logic(const Match& match);
Binding bind_atomic_wrap(const Match& match);
Binding bind_atomic_exch(const Match& match);
Binding bind_atomic_cas(const Match& match);
Binding bind_cvta(const Match& match);
Binding bind_cvta_to(const Match& match);
Binding bind_isspacep(const Match& match);
Binding bind_mapa(const Match& match);
Binding bind_getctarank(const Match& match);
Binding bind_hint(const Match& match);
Binding bind_createpolicy(const Match& match);
Binding bind_cp_async(const Match& match);
Binding bind_cp_async_commit(const Match& match);
Binding bind_cp_async_wait(const Match& match);
Binding bind_cp_async_wait_all(const Match& match);
Binding bind_ldmatrix(const Match& match);
Binding bind_stmatrix(const Match& match);
Binding bind_movmatrix(const Match& match);

}  // namespace kw::emu
