// SPDX-License-Identifier: Apache-2.0
// bar, barrier, barrier.cluster, bar.warp.sync.
#include "evaluator/device/emulated/engine/barriers.hpp"
#include "evaluator/device/emulated/engine/bind_control.hpp"
#include "evaluator/device/emulated/engine/masks.hpp"
#include "evaluator/device/emulated/engine/warp_control.hpp"

namespace kw::emu {
namespace {

constexpr std::uint32_t k_unaligned = 4;  ///< Insn::mods; the low two bits are a BarrierResult

/// slots: [result,] number [, threads] [, predicate].
Arrival arrival_of(
    const Insn& insn, WarpState& warp, Lanes active, std::size_t first, std::size_t operands) {
    const auto lane = static_cast<std::size_t>(__builtin_ctz(active));
    Arrival arrival;
    arrival.number = warp.lanes<std::uint32_t>(insn.slot[first])[lane];
    if (operands > 1) {
        arrival.expected = warp.lanes<std::uint32_t>(insn.slot[first + 1])[lane];
        if (arrival.expected == 0) {
            arrival.expected = 1;  // no multiple of the warp size either
        }
    }
    arrival.aligned = (insn.mods & k_unaligned) == 0;
    return arrival;
}

void run_bar_sync(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    arrive(warp, insn, active, arrival_of(insn, warp, active, 0, insn.slots));
}

void run_bar_arrive(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    Arrival arrival = arrival_of(insn, warp, active, 0, insn.slots);
    arrival.waits = false;
    arrive(warp, insn, active, arrival);
}

void run_bar_red(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const std::size_t last = insn.slots - std::size_t{1};
    Arrival arrival = arrival_of(insn, warp, active, 1, insn.slots - std::size_t{2});
    Lanes votes = warp.predicate(insn.slot[last]);
    votes = ((insn.wide >> last) & 1) != 0 ? ~votes : votes;
    arrival.ones = static_cast<std::uint32_t>(__builtin_popcount(votes & active));
    arrival.result = &insn;
    arrive(warp, insn, active, arrival);
}

void run_bar_warp_sync(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const Lanes mask = member_mask(warp, insn, active, insn.slot[0]);
    // Lanes may meet at different bar.warp.sync instructions with the same mask.
    Lanes here = active;
    for (std::uint32_t i = 0; i < warp.group_count; ++i) {
        const Group& group = warp.groups[i];
        if (group.wait == Wait::lanes && group.warp_sync && group.mask == mask) {
            here |= group.lanes;
        }
    }
    if (!converged(warp, insn, active, mask, FindingKind::unconverged_warp_op, here & ~active)) {
        warp.groups[warp.group_count - 1].warp_sync = true;
        return;
    }
    for (std::uint32_t i = 0; i < warp.group_count; ++i) {
        Group& group = warp.groups[i];
        if (group.wait == Wait::lanes && group.warp_sync && group.mask == mask) {
            group.wait = Wait::none;
            group.warp_sync = false;
            ++group.pc;
            warp.limit = 0;
        }
    }
    if (warp.block->shadow) {
        warp.block->shadow->warp_barrier(warp.index, here == warp.present ? k_all_lanes : here);
    }
}

void run_cluster_arrive(const Insn& insn, Warp& base, Lanes active) {
    (void)insn;
    arrive_cluster(state(base), active);
}

void run_cluster_wait(const Insn& insn, Warp& base, Lanes active) {
    wait_cluster(state(base), insn, active);
}

Binding barrier(const Match& match, Handler run, std::uint16_t least, std::uint16_t most) {
    Binding binding;
    binding.run = run;
    binding.work = Work::barrier;
    binding.widths = {Width::w32};
    binding.slots_min = least;
    binding.slots_max = most;
    if (match[0] == "barrier" && !match.has("aligned")) {
        binding.mods = k_unaligned;
    }
    return binding;
}

}  // namespace

Binding bind_bar_sync(const Match& match) {
    return barrier(match, &run_bar_sync, 1, 2);
}
Binding bind_bar_arrive(const Match& match) {
    return barrier(match, &run_bar_arrive, 2, 2);
}

Binding bind_bar_red(const Match& match) {
    Binding binding = barrier(match, &run_bar_red, 3, 4);
    const bool predicate = match.has("and") || match.has("or");
    const auto kind = match.has("and")  ? BarrierResult::all
                      : match.has("or") ? BarrierResult::any
                                        : BarrierResult::popc;
    binding.mods |= static_cast<std::uint32_t>(kind);
    // The number of threads may be left out: the last operand is the predicate.
    binding.widths = {
        predicate ? Width::predicate : Width::w32,
        Width::w32,
        Width::w32_or_predicate,
        Width::predicate};
    return binding;
}

Binding bind_bar_warp_sync(const Match& match) {
    Binding binding = barrier(match, &by_mask<&run_bar_warp_sync>, 1, 1);
    return binding;
}

Binding bind_cluster_arrive(const Match& match) {
    return barrier(match, &run_cluster_arrive, 0, 0);
}
Binding bind_cluster_wait(const Match& match) {
    return barrier(match, &run_cluster_wait, 0, 0);
}

}  // namespace kw::emu
