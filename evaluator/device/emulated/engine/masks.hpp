// SPDX-License-Identifier: Apache-2.0
// Member masks of .sync instructions. Lanes that execute one together may name different groups
// (tiles of cooperative groups, CUB's logical warps): every group executes it for itself.
#pragma once

#include "evaluator/device/emulated/engine/findings.hpp"

namespace kw::emu {

/// The mask that all of `active` have, with findings for lanes that it does not name but that
/// execute the instruction, and for named lanes that have exited.
[[nodiscard]] Lanes member_mask(
    WarpState& warp, const Insn& insn, Lanes active, std::uint32_t slot);

/// The lanes of `left` whose mask is that of the first of them. `mask`: of every lane.
[[nodiscard]] Lanes same_mask(const Lanes* mask, Lanes left);

/// A handler whose last slot is a member mask, called once for every group of lanes with one mask.
template <Handler run>
void by_mask(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const Lanes* mask = warp.lanes<Lanes>(insn.slot[insn.slots - std::size_t{1}]);
    const bool deserted = warp.deserted;  // one of the groups is
    for (Lanes left = active; left != 0;) {
        const Lanes group = same_mask(mask, left);
        left &= ~group;
        warp.deserted = deserted && (mask[__builtin_ctz(group)] & warp.exited) != 0;
        run(insn, base, group);
    }
}

}  // namespace kw::emu
