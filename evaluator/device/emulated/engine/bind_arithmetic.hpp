// SPDX-License-Identifier: Apache-2.0
// Binders of the rows of opcodes_arithmetic.def.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"

namespace kw::emu {

[[nodiscard]] Binding bind_abs_half(const Match& match);
[[nodiscard]] Binding bind_abs_integer(const Match& match);
[[nodiscard]] Binding bind_abs_real(const Match& match);
[[nodiscard]] Binding bind_add_half(const Match& match);
[[nodiscard]] Binding bind_add_integer(const Match& match);
[[nodiscard]] Binding bind_add_real(const Match& match);
[[nodiscard]] Binding bind_bfe(const Match& match);
[[nodiscard]] Binding bind_bfi(const Match& match);
[[nodiscard]] Binding bind_bfind(const Match& match);
[[nodiscard]] Binding bind_bmsk(const Match& match);
[[nodiscard]] Binding bind_brev(const Match& match);
[[nodiscard]] Binding bind_carry(const Match& match);
[[nodiscard]] Binding bind_copysign(const Match& match);
[[nodiscard]] Binding bind_count_bits(const Match& match);
[[nodiscard]] Binding bind_div_integer(const Match& match);
[[nodiscard]] Binding bind_div_real(const Match& match);
[[nodiscard]] Binding bind_dp2a(const Match& match);
[[nodiscard]] Binding bind_dp4a(const Match& match);
[[nodiscard]] Binding bind_fma_half(const Match& match);
[[nodiscard]] Binding bind_fma_real(const Match& match);
[[nodiscard]] Binding bind_fns(const Match& match);
[[nodiscard]] Binding bind_function(const Match& match);
[[nodiscard]] Binding bind_logic(const Match& match);
[[nodiscard]] Binding bind_lop3(const Match& match);
[[nodiscard]] Binding bind_mad24(const Match& match);
[[nodiscard]] Binding bind_mad_integer(const Match& match);
[[nodiscard]] Binding bind_mad_saturating(const Match& match);
[[nodiscard]] Binding bind_minmax_half(const Match& match);
[[nodiscard]] Binding bind_minmax_integer(const Match& match);
[[nodiscard]] Binding bind_minmax_real(const Match& match);
[[nodiscard]] Binding bind_mov(const Match& match);
[[nodiscard]] Binding bind_mul24(const Match& match);
[[nodiscard]] Binding bind_mul_half(const Match& match);
[[nodiscard]] Binding bind_mul_integer(const Match& match);
[[nodiscard]] Binding bind_mul_real(const Match& match);
[[nodiscard]] Binding bind_not(const Match& match);
[[nodiscard]] Binding bind_prmt(const Match& match);
[[nodiscard]] Binding bind_rsqrt(const Match& match);
[[nodiscard]] Binding bind_sad(const Match& match);
[[nodiscard]] Binding bind_selp(const Match& match);
[[nodiscard]] Binding bind_set(const Match& match);
[[nodiscard]] Binding bind_setp(const Match& match);
[[nodiscard]] Binding bind_shf(const Match& match);
[[nodiscard]] Binding bind_shift(const Match& match);
[[nodiscard]] Binding bind_slct(const Match& match);
[[nodiscard]] Binding bind_special(const Match& match);
[[nodiscard]] Binding bind_special_half(const Match& match);
[[nodiscard]] Binding bind_szext(const Match& match);
[[nodiscard]] Binding bind_testp(const Match& match);
[[nodiscard]] Binding bind_unary_real(const Match& match);
[[nodiscard]] Binding bind_vabsdiff4(const Match& match);

}  // namespace kw::emu
