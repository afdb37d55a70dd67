// SPDX-License-Identifier: Apache-2.0
// Matrices in shared memory as wgmma descriptors describe them (PTX ISA 9.0, "Matrix descriptor
// format", "Shared memory matrix layout"). Everything is made of 16-byte pieces. W is the width of
// the swizzle in pieces: 1 (none), 2, 4 or 8; LBO and SBO are the descriptor's leading and stride
// byte offsets; r counts rows of A or columns of B.
//   K-major: piece q of row r at (r % 8) 16 W + (r / 8) SBO + q (W = 1: LBO, else 16).
//   Transposed: the piece of rows 8 c to 8 c + 7 at depth k, at
//     W = 1: c SBO + (k % 8) 16 + (k / 8) LBO,
//     else (c % W) 16 + (c / W) LBO + (k % 8) 16 W + (k / 8) SBO.
// The swizzle then xors address bits 4 and up with bits 7 and up (less the base offset).
#pragma once

#include "evaluator/device/emulated/engine/warp_state.hpp"

namespace kw::emu {

struct MatrixDescriptor {
    std::uint32_t start = 0;  ///< bytes
    std::uint32_t leading = 0;
    std::uint32_t stride = 0;
    std::uint32_t base = 0;   ///< in units of 128 bytes
    std::uint32_t width = 1;  ///< pieces

    [[nodiscard]] static MatrixDescriptor decode(std::uint64_t bits);
    /// Of piece `q` of row `row`.
    [[nodiscard]] std::uint32_t address(std::uint32_t row, std::uint32_t q) const;
    /// Of rows 8 `c` and up at depth `k`.
    [[nodiscard]] std::uint32_t transposed(std::uint32_t c, std::uint32_t k) const;

private:
    [[nodiscard]] std::uint32_t swizzled(std::uint32_t offset) const;
};

inline constexpr std::size_t k_wgmma_row = 32;  ///< bytes of K of one instruction

/// Rows `first` to `first + count - 1` (multiples of 8), `k_wgmma_row` bytes each; `transposed`
/// only for 16-bit elements. What cannot be read is a finding and zero.
void read_operand(
    WarpState& warp,
    const Insn& insn,
    const MatrixDescriptor& descriptor,
    bool transposed,
    std::size_t first,
    std::size_t count,
    std::byte* to);

/// Counts the passes of shared memory that reading these rows takes.
void count_operand(
    WarpState& warp,
    const Insn& insn,
    const MatrixDescriptor& descriptor,
    bool transposed,
    std::uint32_t first,
    std::uint32_t count);

}  // namespace kw::emu
