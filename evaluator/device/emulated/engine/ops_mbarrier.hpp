// SPDX-License-Identifier: Apache-2.0
// mbarrier objects in shared memory, for those that complete transactions on them.
#pragma once

#include "evaluator/device/emulated/engine/ops_memory.hpp"

namespace kw::emu {

/// The eight bytes of an object, which PTX leaves open. `transactions` are bytes still expected.
struct BarrierObject {
    std::uint32_t expected = 0;  ///< arrivals of a phase
    std::uint32_t pending = 0;   ///< arrivals that are missing
    std::int64_t transactions = 0;
    bool odd = false;  ///< parity of the phase that is under way
    bool valid = false;

    [[nodiscard]] static BarrierObject decode(std::uint64_t bits);
    [[nodiscard]] std::uint64_t encode() const;
    /// Ends the phase if nothing is missing.
    void settle();
};
inline constexpr std::uint32_t k_most_arrivals = (1U << 20) - 1;

/// One lane changes the object at `address` in the insn's window: `arrivals` arrive and the
/// transactions change by `bytes`. The state before in `before`. False: there was a finding.
bool change_barrier(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t address,
    Window window,
    std::uint32_t arrivals,
    bool drop,
    std::int64_t bytes,
    std::uint64_t& before);

/// What names the object at this address among those of the block.
[[nodiscard]] std::uint64_t barrier_key(Window window, std::uint64_t address);

/// The address in slot[index] of a lane; the first memory operand has the offset.
[[nodiscard]] std::uint64_t lane_address(
    const Insn& insn, Warp& warp, std::size_t index, bool wide, std::int64_t offset, int lane);

}  // namespace kw::emu
