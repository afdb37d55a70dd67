// SPDX-License-Identifier: Apache-2.0
// cp.async: data is read when the copy is issued and lands in shared memory when the thread waits
// for it, so that a kernel which forgets to wait computes nonsense here as on a GPU.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"

#include <deque>

namespace kw::emu {

struct WarpState;

/// One cp.async of a warp.
struct AsyncCopy {
    Lanes lanes = 0;  ///< whose data has not arrived
    std::uint32_t bytes = 0;
    const Insn* insn = nullptr;
    std::array<std::uint32_t, k_lanes> group{};  ///< by lane: number of its commit group
    std::array<std::uint32_t, k_lanes> to{};     ///< offset in shared memory
    std::array<std::array<std::byte, 16>, k_lanes> data;
};

/// Asynchronous work of one warp: its copies in flight.
struct AsyncQueue {
    std::deque<AsyncCopy> copies;
    std::array<std::uint32_t, k_lanes> open{};  ///< by lane: number of the group being filled
    std::uint64_t products = 0;                 ///< wgmma.mma_async that the warp has executed
};

/// Lands all copies of `lanes` in groups older than the `keep` youngest committed ones; also the
/// open group if `everything`.
void async_wait(WarpState& warp, Lanes lanes, std::uint32_t keep, bool everything);

/// Threads have returned without waiting: their data lands, and still counts as in flight.
void async_drop(WarpState& warp, Lanes lanes);

}  // namespace kw::emu
