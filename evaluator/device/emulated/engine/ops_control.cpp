// SPDX-License-Identifier: Apache-2.0
// Branches, exits, traps, fences, hints.
#include "evaluator/device/emulated/engine/ops_control.hpp"

#include "evaluator/device/emulated/engine/bind_control.hpp"
#include "evaluator/device/emulated/engine/block.hpp"
#include "evaluator/device/emulated/engine/warp_control.hpp"

namespace kw::emu {
namespace {

void leave(WarpState& warp, Lanes lanes) {
    if (!warp.async->copies.empty()) {
        async_drop(warp, lanes);
    }
    warp.exited |= lanes;
    warp.active &= ~lanes;
    warp.limit = 0;
}

void run_brx(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const auto& table = *static_cast<const std::vector<std::uint32_t>*>(insn.extra);
    const std::uint32_t* index = warp.lanes<std::uint32_t>(insn.slot[0]);
    Lanes bad = 0;
    for (Lanes left = active; left != 0;) {
        const auto lane = static_cast<std::size_t>(__builtin_ctz(left));
        Lanes same = 0;
        for (std::size_t i = 0; i < k_lanes; ++i) {
            same |= ((left >> i) & 1) != 0 && index[i] == index[lane] ? Lanes{1} << i : 0;
        }
        left &= ~same;
        if (index[lane] >= table.size()) {
            bad |= same;
            continue;
        }
        warp.fuel -= 1 + (table[index[lane]] < warp.pc ? warp.pc - table[index[lane]] : 0);
        split(warp, same, table[index[lane]]);
    }
    if (warp.group_count > 1) {
        ++warp.counts[warp.index_of(insn)].divergent;
        ++warp.loops;
    }
    if (bad != 0) {
        Defect defect;
        defect.kind = FindingKind::bad_address;
        defect.count = static_cast<std::uint64_t>(__builtin_popcount(bad));
        defect.detail = "the index is beyond the end of the branch table";
        report(warp, insn, __builtin_ctz(bad), defect);
        leave(warp, bad);
    }
}

void run_trap(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    Defect defect;
    defect.kind = FindingKind::trap;
    defect.count = static_cast<std::uint64_t>(__builtin_popcount(active));
    report(warp, insn, __builtin_ctz(active), defect);
    Run& run = *warp.block->run;
    run.trapped = true;
    run.stop_with("a thread executed trap");
    leave(warp, active);
}

void run_nothing(const Insn& insn, Warp& warp, Lanes active) {
    (void)insn;
    (void)warp;
    (void)active;
}

void run_nanosleep(const Insn& insn, Warp& base, Lanes active) {
    (void)insn;
    (void)active;
    WarpState& warp = state(base);
    warp.yield = true;
    warp.limit = 0;
    warp.loops += warp.group_count != 0 ? 64 : 0;  // a sleeper lets other lanes run soon
}

/// mods: bit 0: the scope is larger than a block.
void run_fence(const Insn& insn, Warp& base, Lanes active) {
    (void)active;
    WarpState& warp = state(base);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    Block& block = *warp.block;
    if (block.shadow) {
        block.shadow->fence(warp.index);
    }
    if ((insn.mods & 1) != 0) {
        block.global_time.fenced = true;
    }
}

Binding control(Handler run, Work work, std::vector<Width> widths, std::uint16_t slots) {
    Binding binding;
    binding.run = run;
    binding.work = work;
    binding.widths = std::move(widths);
    binding.slots_min = slots;
    binding.slots_max = slots;
    return binding;
}

}  // namespace

void run_bra(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const Lanes rest = warp.active & ~active;
    const bool backward = insn.target < warp.pc;
    if (backward) {
        warp.fuel -= warp.pc - insn.target;
    }
    if (rest != 0) {
        ++warp.counts[warp.index_of(insn)].divergent;
        warp.loops += backward ? 1 : 0;
        split(warp, active, insn.target);
        return;
    }
    warp.pc = insn.target;
    if (warp.group_count != 0) {
        warp.loops += backward ? 1 : 0;
        warp.limit = 0;
    } else if (warp.fuel <= 0) {
        warp.limit = 0;
    }
}

void run_exit(const Insn& insn, Warp& base, Lanes active) {
    (void)insn;
    leave(state(base), active);
}

void run_hidden_add(const Insn& insn, Warp& warp, Lanes active) {
    const auto add = [&](auto* to, const auto* from) {
        for (std::size_t lane = 0; lane < k_lanes; ++lane) {
            if (((active >> lane) & 1) != 0) {
                to[lane] =
                    from[lane] + static_cast<std::remove_pointer_t<decltype(to)>>(insn.offset);
            }
        }
    };
    if ((insn.wide & 1) != 0) {
        add(warp.lanes<std::uint64_t>(insn.slot[0]), warp.lanes<std::uint64_t>(insn.slot[1]));
    } else {
        add(warp.lanes<std::uint32_t>(insn.slot[0]), warp.lanes<std::uint32_t>(insn.slot[1]));
    }
}

Binding bind_bra(const Match&) {
    return control(&run_bra, Work::branch, {}, 0);
}
Binding bind_brx(const Match&) {
    return control(&run_brx, Work::branch, {Width::w32}, 1);
}
Binding bind_exit(const Match&) {
    return control(&run_exit, Work::branch, {}, 0);
}
Binding bind_trap(const Match&) {
    return control(&run_trap, Work::branch, {}, 0);
}
Binding bind_nanosleep(const Match&) {
    return control(&run_nanosleep, Work::other, {Width::w32}, 1);
}

Binding bind_nothing(const Match&) {
    Binding binding = control(&run_nothing, Work::other, {Width::w32}, 0);
    binding.slots_max = 1;
    return binding;
}

Binding bind_fence(const Match& match) {
    Binding binding = control(&run_fence, Work::other, {}, 0);
    binding.mods = match.has("gl") || match.has("gpu") || match.has("sys") ? 1 : 0;
    return binding;
}

}  // namespace kw::emu
