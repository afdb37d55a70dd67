// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/masks.hpp"

#include "evaluator/device/emulated/engine/warp_control.hpp"

namespace kw::emu {

Lanes member_mask(WarpState& warp, const Insn& insn, Lanes active, std::uint32_t slot) {
    const Lanes mask = warp.lanes<Lanes>(slot)[__builtin_ctz(active)];
    Defect defect;
    if (const Lanes unnamed = active & ~mask; unnamed != 0) {
        defect.kind = FindingKind::invalid_mask;
        defect.count = static_cast<std::uint64_t>(__builtin_popcount(unnamed));
        defect.detail = "the lane executes the instruction but its mask does not name it";
        report(warp, insn, __builtin_ctz(unnamed), defect);
    }
    Lanes gone = 0;
    if ((mask & warp.present & ~active) != 0 && !warp.deserted) {
        gone = mask & gone_lanes(warp);
    }
    if (gone != 0) {
        defect.kind = FindingKind::exited_lane_in_mask;
        defect.severity = Severity::warning;  // allowed, but its value is undefined
        defect.count = static_cast<std::uint64_t>(__builtin_popcount(gone));
        defect.detail = "the mask names a lane that has returned";
        report(warp, insn, __builtin_ctz(gone), defect);
    }
    return mask;
}

Lanes same_mask(const Lanes* mask, Lanes left) {
    if (std::memcmp(mask, mask + 1, (k_lanes - 1) * sizeof(Lanes)) == 0) {
        return left;  // nearly always every lane has the same
    }
    const Lanes wanted = mask[__builtin_ctz(left)];
    Lanes same = 0;
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        same |= static_cast<Lanes>(mask[lane] == wanted) << lane;
    }
    return same & left;
}

}  // namespace kw::emu
