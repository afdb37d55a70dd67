// SPDX-License-Identifier: Apache-2.0
// What the checks are told of accesses that were permitted: the initialisation shadows of global
// and local memory and the race shadows. Apart from access.cpp because a run without checks needs
// none.
#pragma once

#include "evaluator/device/emulated/engine/access.hpp"

namespace kw::emu {

/// Addresses of shared memory name a block of the cluster from this bit on: rank + 1, 0 is one's
/// own.
inline constexpr int k_rank_shift = 24;

[[nodiscard]] inline bool writes(Use use) {
    return use != Use::load;
}

/// Files a finding about one lane's access.
void file(
    WarpState& warp,
    const Insn& insn,
    int lane,
    FindingKind kind,
    Space space,
    std::uint64_t address,
    std::uint32_t bytes,
    Use use);

/// Whether anybody is told of accesses to a space.
[[nodiscard]] bool watched(const WarpState& warp, Space space);

/// Tells the shadows of one lane's permitted access. `value`, `memory`: of a store, or nullptr.
void note(
    WarpState& warp,
    const Insn& insn,
    int lane,
    Space space,
    std::uint64_t address,
    std::uint32_t bytes,
    Use use,
    Order order,
    const std::byte* value,
    const std::byte* memory);

/// A plain load of one range that can be told as a whole. False: nothing is told.
[[nodiscard]] bool note_load(
    WarpState& warp, const Insn& insn, const Reach& out, std::uint32_t bytes);

/// Loads, atomics and copies of permitted lanes; stores are told later, with their values.
void note_reads(
    WarpState& warp, const Insn& insn, const Reach& out, std::uint32_t bytes, Use use, Order order);

}  // namespace kw::emu
