// SPDX-License-Identifier: Apache-2.0
// How a warp's lanes part and meet again: the lowest pc runs first and groups at the same pc are
// one, so lanes meet where a structured program has them meet, without control-flow analysis.
#pragma once

#include "evaluator/device/emulated/engine/warp_state.hpp"

namespace kw::emu {

/// Sets the warp to its first instruction.
void start_warp(WarpState& warp);

/// Runs until all lanes have exited or wait, the fuel is spent, or a handler asks to yield.
/// Returns the number of instructions that were executed.
std::uint64_t run_warp(WarpState& warp);

/// Lanes `taken` of the running group go on at `target`, the others at the next instruction.
void split(WarpState& warp, Lanes taken, std::uint32_t target);

/// Takes `lanes` out of the running group: they wait as `group` says (its lanes are set here).
void park(WarpState& warp, Lanes lanes, Group group);

/// For handlers of .sync instructions, which begin with it: true when all lanes of `mask` that are
/// alive are in `active`. Otherwise the lanes are parked at this instruction, and the handler
/// returns; it is called again with more lanes, or at last by force, which is a finding of `kind`.
/// `elsewhere`: lanes that have come, at another instruction.
[[nodiscard]] bool converged(
    WarpState& warp,
    const Insn& insn,
    Lanes active,
    Lanes mask,
    FindingKind kind = FindingKind::unconverged_warp_op,
    Lanes elsewhere = 0);

/// Lanes that have exited, or that are just about to: nobody can wait for them.
[[nodiscard]] Lanes gone_lanes(const WarpState& warp);

/// When no warp of the block can go on: lets one group that waits for lanes execute with those it
/// has. False: there is none.
bool force_group(WarpState& warp);

/// Whether a group could run.
[[nodiscard]] bool ready(const WarpState& warp);

}  // namespace kw::emu
