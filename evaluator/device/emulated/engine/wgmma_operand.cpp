// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/wgmma_operand.hpp"

#include "evaluator/device/emulated/engine/access.hpp"

namespace kw::emu {
namespace {

constexpr std::uint32_t k_piece = 16;
constexpr std::uint32_t k_address_mask = 0x3FFFF;

/// One piece; `lane` is who is named in findings.
void read_piece(
    WarpState& warp, const Insn& insn, std::size_t lane, std::uint32_t address, std::byte* to) {
    const Block& block = *warp.block;
    const std::byte* from = nullptr;
    if (!block.shadow && std::uint64_t{address} + k_piece <= block.shared_bytes) {
        from = block.shared + address;  // nobody watches: the bounds are all there is to check
    } else {
        from = reach_lane(
            warp,
            insn,
            static_cast<int>(lane % k_lanes),
            address,
            k_piece,
            Window::shared,
            Use::load);
    }
    if (from != nullptr) {
        std::memcpy(to, from, k_piece);
    } else {
        std::memset(to, 0, k_piece);
    }
}

}  // namespace

MatrixDescriptor MatrixDescriptor::decode(std::uint64_t bits) {
    const auto field = [bits](unsigned at) {
        return static_cast<std::uint32_t>(bits >> at & 0x3FFFU) << 4;
    };
    static constexpr std::uint32_t widths[] = {1, 8, 4, 2};
    return {
        field(0),
        field(16),
        field(32),
        static_cast<std::uint32_t>(bits >> 49 & 7U),
        widths[bits >> 62]};
}

std::uint32_t MatrixDescriptor::swizzled(std::uint32_t offset) const {
    const std::uint32_t address = (start + offset) & k_address_mask;
    return address ^ (((address >> 7) - base) & (width - 1)) << 4;
}

std::uint32_t MatrixDescriptor::address(std::uint32_t row, std::uint32_t q) const {
    return swizzled(
        row % 8 * k_piece * width + row / 8 * stride + q * (width == 1 ? leading : k_piece));
}

std::uint32_t MatrixDescriptor::transposed(std::uint32_t c, std::uint32_t k) const {
    if (width == 1) {
        return swizzled(c * stride + k % 8 * k_piece + k / 8 * leading);
    }
    return swizzled(
        c % width * k_piece + c / width * leading + k % 8 * k_piece * width + k / 8 * stride);
}

void read_operand(
    WarpState& warp,
    const Insn& insn,
    const MatrixDescriptor& descriptor,
    bool transposed,
    std::size_t first,
    std::size_t count,
    std::byte* to) {
    if (!transposed) {
        for (std::size_t i = 0; i < 2 * count; ++i) {
            const auto row = static_cast<std::uint32_t>(first + i / 2);
            read_piece(
                warp,
                insn,
                i,
                descriptor.address(row, static_cast<std::uint32_t>(i % 2)),
                to + i * k_piece);
        }
        return;
    }
    for (std::size_t c = 0; c < count / 8; ++c) {
        for (std::size_t k = 0; k < k_wgmma_row / 2; ++k) {
            std::byte piece[k_piece];
            read_piece(
                warp,
                insn,
                k,
                descriptor.transposed(
                    static_cast<std::uint32_t>(first / 8 + c), static_cast<std::uint32_t>(k)),
                piece);
            for (std::size_t row = 0; row < 8; ++row) {
                std::memcpy(to + (8 * c + row) * k_wgmma_row + 2 * k, piece + 2 * row, 2);
            }
        }
    }
}

}  // namespace kw::emu
