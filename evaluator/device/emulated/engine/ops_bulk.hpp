// SPDX-License-Identifier: Apache-2.0
// cp.async.bulk, and what tensor copies share with it. What goes to shared memory is read and
// counted on its mbarrier when it is issued, but is put there only when a thread has waited for
// that phase of the mbarrier; until then its place counts as a copy in flight, and a kernel that
// forgets to wait finds what was there before. Copies out of shared memory are done at once.
#pragma once

#include "evaluator/device/emulated/engine/access.hpp"
#include "evaluator/device/emulated/engine/tensor_map.hpp"

namespace kw::emu {

/// Bytes of one copy, as a mbarrier counts them.
inline constexpr std::uint32_t k_most_copy_bytes = (1U << 20) - 1;

/// As charge(), for a copy of so many bytes in `rows` parts, before it is made: a warp that loads
/// and stores moves 128 bytes an instruction or more.
inline bool charge_copy(WarpState& warp, std::uint64_t bytes, std::uint64_t rows = 1) {
    return charge(warp, bytes / 128 + rows / 4);
}

/// Lands the copies that belong to the phase of parity `odd`, which is over, of this mbarrier: an
/// offset in the block's shared memory.
void land_bulk(Block& block, std::uint64_t barrier, bool odd);

/// Where a copy to shared memory goes and what it completes on.
struct CopyTarget {
    Block* into = nullptr;
    std::uint32_t to = 0;               ///< offset in its shared memory
    Block* at = nullptr;                ///< the block that has the mbarrier
    std::uint64_t barrier = 0;          ///< offset in its shared memory
    std::uint64_t barrier_address = 0;  ///< shared::cluster
};

/// Data on its way: `image` lies at `to`, all of it or, where `units` is not empty, the 16-byte
/// units of it that are named.
struct CopyImage {
    std::vector<std::byte> bytes;
    std::vector<std::uint32_t> units;  ///< offsets in `bytes`
};

/// The block that has `bytes` bytes of shared memory at a shared::cluster address, aligned to
/// `alignment`. nullptr: there was a finding.
[[nodiscard]] Block* shared_place(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t address,
    std::uint32_t bytes,
    std::uint32_t alignment,
    Use use);

/// Checks the place of a copy to the shared::cluster address `to`. Nothing: there was a finding.
[[nodiscard]] std::optional<CopyTarget> aim(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t to,
    std::uint64_t barrier,
    std::uint32_t bytes,
    std::uint32_t alignment);
/// The same in every block of the cluster that `mask` names, at the same offsets.
[[nodiscard]] std::vector<CopyTarget> aim_all(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t to,
    std::uint64_t barrier,
    std::uint32_t bytes,
    std::uint32_t alignment,
    std::uint32_t mask);

/// Completes `counted` bytes on the mbarrier and sends the image on its way.
void send(
    WarpState& warp,
    const Insn& insn,
    int lane,
    const CopyTarget& target,
    CopyImage image,
    std::uint32_t counted);

/// One lane's access to `bytes` bytes from an address on, in the largest aligned pieces up to 16
/// bytes, checked like any other. False: there was a finding.
bool read_bytes(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t from,
    Window window,
    std::byte* to,
    std::uint32_t bytes);
bool write_bytes(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t to,
    Window window,
    const std::byte* from,
    std::uint32_t bytes);

/// Counts the sectors and lines of one contiguous access to global memory.
void count_bulk(WarpState& warp, const Insn& insn, std::uint64_t address, std::uint64_t bytes);

}  // namespace kw::emu
