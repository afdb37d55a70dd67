// SPDX-License-Identifier: Apache-2.0
// Member masks of .sync instructions.
#pragma once

#include "evaluator/device/emulated/engine/findings.hpp"

namespace kw::emu {

/// The mask of the first active lane, with findings for lanes that it does not name but that
/// execute the instruction, and for named lanes that have exited.
[[nodiscard]] Lanes member_mask(
    WarpState& warp, const Insn& insn, Lanes active, std::uint32_t slot);

}  // namespace kw::emu
