// SPDX-License-Identifier: Apache-2.0
// cvta, isspacep, mapa, getctarank, and hints that have no effect here.
#include "evaluator/device/emulated/engine/bind_memory.hpp"
#include "evaluator/device/emulated/engine/ops_memory.hpp"

namespace kw::emu {
namespace {

constexpr std::uint32_t k_to_space = 64;  ///< cvta.to: generic to the space's own
constexpr int k_rank_shift = 24;          ///< of shared::cluster addresses

/// What a space's addresses lack to be generic; global, constant and parameter ones are.
std::uint64_t window_base(Window window) {
    switch (window) {
        case Window::shared: return k_shared_slot << k_slot_bits;
        case Window::local: return k_local_slot << k_slot_bits;
        default: return 0;
    }
}

/// Applies f to the active lanes of a source and a destination, each 4 or 8 bytes wide.
template <class F>
void convert(const Insn& insn, Warp& warp, Lanes active, F f) {
    const bool wide_to = (insn.wide & 1) != 0;
    const bool wide_from = (insn.wide & 2) != 0;
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        if (((active >> lane) & 1) == 0) {
            continue;
        }
        const std::uint64_t from = wide_from ? warp.lanes<std::uint64_t>(insn.slot[1])[lane]
                                             : warp.lanes<std::uint32_t>(insn.slot[1])[lane];
        const std::uint64_t to = f(from);
        if (wide_to) {
            warp.lanes<std::uint64_t>(insn.slot[0])[lane] = to;
        } else {
            warp.lanes<std::uint32_t>(insn.slot[0])[lane] = static_cast<std::uint32_t>(to);
        }
    }
}

void run_cvta(const Insn& insn, Warp& warp, Lanes active) {
    const std::uint64_t base = window_base(window_of(insn));
    const std::uint64_t add = (insn.mods & k_to_space) != 0 ? 0 - base : base;
    if (active == k_all_lanes && (insn.wide & 3) == 3) {
        const std::uint64_t* from = warp.lanes<std::uint64_t>(insn.slot[1]);
        std::uint64_t* to = warp.lanes<std::uint64_t>(insn.slot[0]);
#pragma GCC ivdep
        for (std::size_t lane = 0; lane < k_lanes; ++lane) {
            to[lane] = from[lane] + add;
        }
        return;
    }
    convert(insn, warp, active, [add](std::uint64_t address) { return address + add; });
}

void run_isspacep(const Insn& insn, Warp& warp, Lanes active) {
    const Window window = window_of(insn);
    Block& block = *warp.block;
    Lanes yes = 0;
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        const std::uint64_t address = (insn.wide & 2) != 0
                                          ? warp.lanes<std::uint64_t>(insn.slot[1])[lane]
                                          : warp.lanes<std::uint32_t>(insn.slot[1])[lane];
        const Generic place = generic_place(address);
        bool is = false;
        switch (window) {
            case Window::shared: is = place.space == Space::shared; break;
            case Window::local: is = place.space == Space::local; break;
            case Window::param: is = place.space == Space::param; break;
            default: {
                const Allocation* found =
                    place.space == Space::global ? block.run->memory->find(address) : nullptr;
                const Space wanted = window == Window::constant ? Space::constant : Space::global;
                is = found == nullptr ? window == Window::global && place.space == Space::global
                                      : found->space == wanted;
                break;
            }
        }
        yes |= is ? Lanes{1} << lane : 0;
    }
    Lanes& out = warp.predicate(insn.slot[0]);
    out = (out & ~active) | (yes & active);
}

void run_mapa(const Insn& insn, Warp& warp, Lanes active) {
    // slot[2]: the rank. A shared::cluster address has rank + 1 from bit 24 on.
    const bool shared = window_of(insn) == Window::shared;
    const std::uint64_t base = shared ? 0 : k_shared_slot << k_slot_bits;
    const bool wide = (insn.wide & 1) != 0;
    const bool wide_from = (insn.wide & 2) != 0;
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        if (((active >> lane) & 1) == 0) {
            continue;
        }
        const std::uint64_t from = wide_from ? warp.lanes<std::uint64_t>(insn.slot[1])[lane]
                                             : warp.lanes<std::uint32_t>(insn.slot[1])[lane];
        const std::uint64_t rank = warp.lanes<std::uint32_t>(insn.slot[2])[lane] & 0xFF;
        const std::uint64_t inside = (from - base) & ((std::uint64_t{1} << k_rank_shift) - 1);
        const std::uint64_t to = base + inside + ((rank + 1) << k_rank_shift);
        if (wide) {
            warp.lanes<std::uint64_t>(insn.slot[0])[lane] = to;
        } else {
            warp.lanes<std::uint32_t>(insn.slot[0])[lane] = static_cast<std::uint32_t>(to);
        }
    }
}

void run_getctarank(const Insn& insn, Warp& warp, Lanes active) {
    const std::uint64_t own = warp.block->rank;
    convert(insn, warp, active, [own](std::uint64_t address) {
        const std::uint64_t inside = address & (k_slot_bytes - 1);
        const std::uint64_t rank = inside >> k_rank_shift;
        return rank == 0 ? own : rank - 1;
    });
}

void run_hint(const Insn& insn, Warp& warp, Lanes active) {
    (void)insn;
    (void)warp;
    (void)active;
}

void run_createpolicy(const Insn& insn, Warp& warp, Lanes active) {
    std::uint64_t* out = warp.lanes<std::uint64_t>(insn.slot[0]);
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        out[lane] = ((active >> lane) & 1) != 0 ? 1 : out[lane];
    }
}

Binding address_binding(const Match& match, Handler run, std::vector<Width> widths) {
    Binding binding;
    binding.run = run;
    binding.work = Work::move;
    binding.mods = static_cast<std::uint32_t>(memory_form(match).window);
    binding.slots_min = static_cast<std::uint16_t>(widths.size());
    binding.slots_max = binding.slots_min;
    binding.widths = std::move(widths);
    return binding;
}

Width size_of(const Match& match) {
    return match.has("u64") ? Width::w64 : Width::w32;
}

}  // namespace

Binding bind_cvta(const Match& match) {
    Binding binding = address_binding(match, &run_cvta, {size_of(match), size_of(match)});
    return binding;
}

Binding bind_cvta_to(const Match& match) {
    Binding binding = bind_cvta(match);
    binding.mods |= k_to_space;
    return binding;
}

Binding bind_isspacep(const Match& match) {
    return address_binding(match, &run_isspacep, {Width::predicate, Width::any});
}

Binding bind_mapa(const Match& match) {
    return address_binding(match, &run_mapa, {size_of(match), Width::any, Width::w32});
}

Binding bind_getctarank(const Match& match) {
    return address_binding(match, &run_getctarank, {Width::w32, Width::any});
}

Binding bind_hint(const Match& match) {
    Binding binding = address_binding(match, &run_hint, {Width::address, Width::w32});
    binding.slots_min = 1;
    binding.work = Work::other;
    return binding;
}

Binding bind_createpolicy(const Match& match) {
    Binding binding = address_binding(match, &run_createpolicy, {Width::w64, Width::w32});
    binding.slots_min = 1;
    return binding;
}

}  // namespace kw::emu
