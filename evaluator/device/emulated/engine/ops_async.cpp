// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/ops_async.hpp"

#include "evaluator/device/emulated/engine/bind_memory.hpp"
#include "evaluator/device/emulated/engine/ops_memory.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

/// Copies in flight of one warp; a kernel that never waits loses its oldest ones to memory early.
constexpr std::size_t k_max_copies = 4096;
constexpr std::uint32_t k_policy_bit = 64;  ///< of Insn::mods: the last operand is a cache policy

/// Lands the copies of these lanes; the shadow hears of it only if they were waited for.
void land(WarpState& warp, AsyncCopy& copy, Lanes lanes, bool waited) {
    Block& block = *warp.block;
    for (Lanes left = lanes; left != 0; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        const auto l = static_cast<std::size_t>(lane);
        std::memcpy(block.shared + copy.to[l], copy.data[l].data(), copy.bytes);
        if (waited && block.shadow) {
            block.shadow->arrive(
                SharedAccess{&warp, copy.insn, lane, copy.to[l], copy.bytes, Order::plain});
        }
    }
    copy.lanes &= ~lanes;
}

/// slots: destination, source, size [, source size | ignore-source predicate] [, policy].
void run_cp_async(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const auto bytes =
        static_cast<std::uint32_t>(warp.lanes<std::uint32_t>(insn.slot[2])[__builtin_ctz(active)]);
    if (bytes != 4 && bytes != 8 && bytes != 16) {
        Defect defect;
        defect.kind = FindingKind::bad_address;
        defect.detail = "cp.async copies 4, 8 or 16 bytes";
        report(warp, insn, __builtin_ctz(active), defect);
        return;
    }
    // Four operands: the last one is the source size, or the policy where there is a hint.
    const bool has_size = insn.slots == 5 || (insn.slots == 4 && (insn.mods & k_policy_bit) == 0);
    std::array<std::uint32_t, k_lanes> wanted;
    wanted.fill(bytes);
    for (std::size_t lane = 0; has_size && lane < k_lanes; ++lane) {
        const std::uint32_t slot = insn.slot[3];
        wanted[lane] = std::min(
            bytes,
            (insn.wide & 8) != 0 ? static_cast<std::uint32_t>(warp.lanes<std::uint64_t>(slot)[lane])
                                 : warp.lanes<std::uint32_t>(slot)[lane]);
    }
    Lanes reading = 0;  // a source size of 0 reads nothing, whatever the address
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        reading |= ((active >> lane) & 1) != 0 && wanted[lane] != 0 ? Lanes{1} << lane : 0;
    }
    AsyncCopy copy;
    copy.bytes = bytes;
    copy.insn = &insn;
    for (auto& data : copy.data) {
        data.fill(std::byte{0});
    }
    if (reading != 0) {
        Reach source;
        reach(
            warp,
            insn,
            reading,
            insn.slot[1],
            (insn.wide & 2) != 0,
            0,
            bytes,
            Window::global,
            Use::load,
            Order::plain,
            source);
        for (Lanes left = source.lanes; left != 0; left &= left - 1) {
            const auto lane = static_cast<std::size_t>(__builtin_ctz(left));
            std::memcpy(copy.data[lane].data(), source.host(lane), wanted[lane]);
        }
    }
    Reach target;
    reach(
        warp,
        insn,
        active,
        insn.slot[0],
        insn.wide_base,
        insn.offset,
        bytes,
        Window::shared,
        Use::copy_to,
        Order::plain,
        target,
        1);
    copy.lanes = target.lanes;
    for (Lanes left = target.lanes; left != 0; left &= left - 1) {
        const auto lane = static_cast<std::size_t>(__builtin_ctz(left));
        copy.to[lane] = static_cast<std::uint32_t>(target.host(lane) - warp.block->shared);
        copy.group[lane] = warp.async->open[lane];
    }
    if (copy.lanes != 0) {
        warp.async->copies.push_back(copy);
        if (warp.async->copies.size() > k_max_copies) {
            land(warp, warp.async->copies.front(), k_all_lanes, false);
            warp.async->copies.pop_front();
        }
    }
}

void run_commit(const Insn& insn, Warp& base, Lanes active) {
    (void)insn;
    for (Lanes left = active; left != 0; left &= left - 1) {
        ++state(base).async->open[static_cast<std::size_t>(__builtin_ctz(left))];
    }
}

void run_wait_group(const Insn& insn, Warp& base, Lanes active) {
    async_wait(
        state(base), active, base.lanes<std::uint32_t>(insn.slot[0])[__builtin_ctz(active)], false);
}

void run_wait_all(const Insn& insn, Warp& base, Lanes active) {
    (void)insn;
    async_wait(state(base), active, 0, true);
}

Binding async_binding(Handler run, std::vector<Width> widths) {
    Binding binding;
    binding.run = run;
    binding.work = Work::copy_async;
    binding.slots_min = static_cast<std::uint16_t>(widths.size());
    binding.slots_max = binding.slots_min;
    binding.widths = std::move(widths);
    return binding;
}

}  // namespace

void async_drop(WarpState& warp, Lanes lanes) {
    for (AsyncCopy& copy : warp.async->copies) {
        land(warp, copy, copy.lanes & lanes, false);
    }
    std::erase_if(warp.async->copies, [](const AsyncCopy& copy) { return copy.lanes == 0; });
}

void async_wait(WarpState& warp, Lanes lanes, std::uint32_t keep, bool everything) {
    std::deque<AsyncCopy>& copies = warp.async->copies;
    charge(warp, copies.size());
    for (AsyncCopy& copy : copies) {
        Lanes over = 0;
        for (Lanes left = copy.lanes & lanes; left != 0; left &= left - 1) {
            const auto lane = static_cast<std::size_t>(__builtin_ctz(left));
            const std::uint32_t open = warp.async->open[lane];
            if (everything || (copy.group[lane] < open && open - copy.group[lane] > keep)) {
                over |= Lanes{1} << lane;
            }
        }
        land(warp, copy, over, true);
    }
    while (!copies.empty() && copies.front().lanes == 0) {
        copies.pop_front();
    }
    std::erase_if(copies, [](const AsyncCopy& copy) { return copy.lanes == 0; });
}

Binding bind_cp_async(const Match& match) {
    Binding binding =
        async_binding(&run_cp_async, {Width::address, Width::address, Width::w32, Width::any});
    binding.slots_min = 3;
    if (match.has("L2::cache_hint")) {
        binding.mods = k_policy_bit;
        binding.widths = {Width::address, Width::address, Width::w32, Width::any, Width::w64};
        binding.slots_min = 4;
        binding.slots_max = 5;
    }
    binding.bytes = 4;
    return binding;
}

Binding bind_cp_async_commit(const Match&) {
    return async_binding(&run_commit, {});
}
Binding bind_cp_async_wait(const Match&) {
    return async_binding(&run_wait_group, {Width::w32});
}
Binding bind_cp_async_wait_all(const Match&) {
    return async_binding(&run_wait_all, {});
}

}  // namespace kw::emu
