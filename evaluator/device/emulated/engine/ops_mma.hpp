// SPDX-License-Identifier: Apache-2.0
// Handlers that multiply fragments in registers: of mma.sync and wmma.mma, which differ only in
// their shapes.
#pragma once

#include "evaluator/device/emulated/engine/matrix_tile.hpp"

#include <string_view>

namespace kw::emu {

/// M, N and K of ".m16n8k32"; all 0 if it is none.
struct MatrixShape {
    std::uint32_t m = 0;
    std::uint32_t n = 0;
    std::uint32_t k = 0;
};
[[nodiscard]] MatrixShape matrix_shape(std::string_view name);

/// Bits of an element: ".bf16" 16, ".tf32" 32, ".s4" 4, ".e4m3" 8 ...
[[nodiscard]] std::uint32_t element_bits(std::string_view type);

/// Rows, tiles, chunks and registers of the shape; registers of A and B at least `least_slots`
/// (wmma in f16 has eight whatever it needs).
[[nodiscard]] MatrixForm matrix_form(
    const MatrixShape& shape, std::uint32_t bits, std::uint32_t least_slots = 0);

/// nullptr: no such pair of element types.
[[nodiscard]] Handler real_mma_handler(std::string_view a, std::string_view b);
[[nodiscard]] Handler integer_mma_handler();
[[nodiscard]] Handler bit_mma_handler();
[[nodiscard]] Handler double_mma_handler();

/// Slots and widths for a handler of 32-bit fragments, and of f64 ones.
[[nodiscard]] Binding bind_fragments(Handler run, const MatrixForm& form);
[[nodiscard]] Binding bind_double_fragments(const MatrixForm& form);

}  // namespace kw::emu
