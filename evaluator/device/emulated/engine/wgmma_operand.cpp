// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/wgmma_operand.hpp"

#include "evaluator/device/emulated/engine/access.hpp"
#include "evaluator/device/emulated/engine/tensor_map.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

constexpr std::uint32_t k_address_mask = 0x3FFFF;

/// One piece; `lane` is who is named in findings.
void read_piece(
    WarpState& warp, const Insn& insn, std::size_t lane, std::uint32_t address, std::byte* to) {
    const Block& block = *warp.block;
    const std::byte* from = nullptr;
    if (!block.shadow && std::uint64_t{address} + k_copy_unit <= block.shared_bytes) {
        from = block.shared + address;  // nobody watches: the bounds are all there is to check
    } else {
        from = reach_lane(
            warp,
            insn,
            static_cast<int>(lane % k_lanes),
            address,
            k_copy_unit,
            Window::shared,
            Use::load);
    }
    if (from != nullptr) {
        std::memcpy(to, from, k_copy_unit);
    } else {
        std::memset(to, 0, k_copy_unit);
    }
}

/// Passes that shared memory needs for units of 16 bytes, eight of them a pass at best.
class Passes {
public:
    void add(std::uint32_t address) {
        most_ = std::max(most_, ++load_[address / k_copy_unit % load_.size()]);
        if (++units_ == load_.size()) {
            finish();
        }
    }
    void count(InsnCounts& counts) {
        if (units_ != 0) {
            finish();
        }
        counts.wavefronts += passes_;
        counts.excess += passes_ - groups_;
    }

private:
    void finish() {
        passes_ += most_;
        ++groups_;
        load_.fill(0);
        most_ = 0;
        units_ = 0;
    }
    std::array<std::uint32_t, 8> load_{};
    std::uint32_t most_ = 0;
    std::size_t units_ = 0;
    std::uint64_t passes_ = 0;
    std::uint64_t groups_ = 0;
};

}  // namespace

void count_operand(
    WarpState& warp,
    const Insn& insn,
    const MatrixDescriptor& descriptor,
    bool transposed,
    std::uint32_t first,
    std::uint32_t count) {
    Passes passes;
    for (std::uint32_t row = first; row < first + count; row += 8) {
        // Eight units at a time: rows of one piece, or depths of eight rows.
        for (std::uint32_t part = 0; part < k_wgmma_row / k_copy_unit; ++part) {
            for (std::uint32_t i = 0; i < 8; ++i) {
                passes.add(
                    transposed ? descriptor.transposed(row / 8, 8 * part + i)
                               : descriptor.address(row + i, part));
            }
        }
    }
    passes.count(warp.counts[warp.index_of(insn)]);
}

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
        row % 8 * k_copy_unit * width + row / 8 * stride +
        q * (width == 1 ? leading : k_copy_unit));
}

std::uint32_t MatrixDescriptor::transposed(std::uint32_t c, std::uint32_t k) const {
    if (width == 1) {
        return swizzled(c * stride + k % 8 * k_copy_unit + k / 8 * leading);
    }
    return swizzled(
        c % width * k_copy_unit + c / width * leading + k % 8 * k_copy_unit * width +
        k / 8 * stride);
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
                to + i * k_copy_unit);
        }
        return;
    }
    for (std::size_t c = 0; c < count / 8; ++c) {
        for (std::size_t k = 0; k < k_wgmma_row / 2; ++k) {
            std::byte piece[k_copy_unit];
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
