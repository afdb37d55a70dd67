// SPDX-License-Identifier: Apache-2.0
// Barriers of a block: who has arrived, when they are over, and what is wrong when they never are.
#pragma once

#include "evaluator/device/emulated/engine/block.hpp"

namespace kw::emu {

/// What bar.red gives; Insn::mods.
enum class BarrierResult : std::uint8_t { popc, all, any };

/// Threads of the block, the last warp counted whole.
[[nodiscard]] std::uint32_t block_threads_rounded(const Block& block);

/// How threads come to a barrier.
struct Arrival {
    std::uint32_t number = 0;
    std::uint32_t expected = 0;    ///< threads; 0: all of the block
    bool aligned = true;           ///< whole warps come to one instruction
    bool waits = true;             ///< else bar.arrive
    const Insn* result = nullptr;  ///< of bar.red
    std::uint32_t ones = 0;        ///< of bar.red: threads whose predicate is true
};

/// The lanes `active` of the running group arrive; if they wait, they are parked behind the
/// instruction.
void arrive(WarpState& warp, const Insn& insn, Lanes active, const Arrival& arrival);

/// Lets the threads go of every barrier that all have reached. True: of at least one.
bool release_barriers(Block& block);

/// No thread can go on: ends the first barrier at which threads wait, with a finding. False: there
/// is none.
bool force_barrier(Block& block);

inline constexpr std::uint8_t k_cluster_barrier = 255;
/// barrier.cluster: the lanes arrive; and: whether the lanes may go on.
void arrive_cluster(WarpState& warp, Lanes active);
/// Lanes wait until the cluster's phase in which they arrived is over.
void wait_cluster(WarpState& warp, const Insn& insn, Lanes active);
/// Lets threads of the block go whose cluster barrier is over. True: at least one.
bool release_cluster(Block& block);

}  // namespace kw::emu
