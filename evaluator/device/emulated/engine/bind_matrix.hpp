// SPDX-License-Identifier: Apache-2.0
// Binders of opcodes_matrix.def.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"

namespace kw::emu {

Binding bind_mma_real(const Match& match);
Binding bind_mma_integer(const Match& match);
Binding bind_mma_bits(const Match& match);
Binding bind_mma_double(const Match& match);

Binding bind_wmma_load(const Match& match);
Binding bind_wmma_load_sums(const Match& match);
Binding bind_wmma_store(const Match& match);
Binding bind_wmma_half(const Match& match);
Binding bind_wmma_real(const Match& match);
Binding bind_wmma_double(const Match& match);
Binding bind_wmma_integer(const Match& match);
Binding bind_wmma_bits(const Match& match);

Binding bind_wgmma_real(const Match& match);
Binding bind_wgmma_integer(const Match& match);
Binding bind_wgmma_bits(const Match& match);
Binding bind_wgmma_order(const Match& match);
Binding bind_wgmma_wait(const Match& match);

Binding bind_mbarrier_init(const Match& match);
Binding bind_mbarrier_inval(const Match& match);
Binding bind_mbarrier_arrive(const Match& match);
Binding bind_mbarrier_tx(const Match& match);
Binding bind_mbarrier_wait(const Match& match);
Binding bind_mbarrier_pending(const Match& match);
Binding bind_copy_arrive(const Match& match);
Binding bind_bulk_copy(const Match& match);
Binding bind_bulk_group(const Match& match);
Binding bind_bulk_reduce(const Match& match);
Binding bind_tensor_load(const Match& match);
Binding bind_tensor_store(const Match& match);
Binding bind_tensor_reduce(const Match& match);
Binding bind_tensor_prefetch(const Match& match);
Binding bind_proxy_fence(const Match& match);

}  // namespace kw::emu
