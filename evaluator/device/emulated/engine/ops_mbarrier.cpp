// SPDX-License-Identifier: Apache-2.0
// mbarrier. Arriving publishes what the warp did before, a wait that succeeds takes it over (for
// the race checks); a wait that fails gives the turn to other warps.
#include "evaluator/device/emulated/engine/ops_mbarrier.hpp"

#include "evaluator/device/emulated/engine/bind_matrix.hpp"
#include "evaluator/device/emulated/engine/ops_bulk.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

constexpr std::int64_t k_most_transactions = (1 << 20) - 1;

// Insn::mods above the window.
constexpr std::uint32_t k_drop = 8;
constexpr std::uint32_t k_expects = 16;  ///< the last operand is a number of bytes
constexpr std::uint32_t k_arrives = 32;
constexpr std::uint32_t k_completes = 64;  ///< of transactions
constexpr std::uint32_t k_parity = 128;
constexpr std::uint32_t k_token = 256;  ///< there is a result

bool wrong(WarpState& warp, const Insn& insn, int lane, std::uint64_t address, const char* detail) {
    Defect defect;
    defect.kind = FindingKind::invalid_barrier;
    defect.space = Space::shared;
    defect.bytes = 8;
    defect.address = address;
    defect.detail = detail;
    report(warp, insn, lane, defect);
    return false;
}

/// Objects in global memory are no barriers on any device, and here blocks of several workers would
/// change them at once.
bool lies_in_shared(
    WarpState& warp, const Insn& insn, int lane, std::uint64_t address, Window window) {
    return window != Window::generic || generic_place(address).space == Space::shared ||
           wrong(warp, insn, lane, address, "an mbarrier outside shared memory");
}

std::uint64_t load_object(const std::byte* host) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, host, sizeof(bits));
    return bits;
}

/// slots: address, [count]; .inval: count is left out and the object ends.
void run_init(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    for (Lanes left = active; left != 0; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        const std::uint64_t address =
            lane_address(insn, warp, 0, insn.wide_base, insn.offset, lane);
        if (!lies_in_shared(warp, insn, lane, address, window_of(insn))) {
            continue;
        }
        BarrierObject object;
        if (insn.slots > 1) {
            object.expected = warp.lanes<std::uint32_t>(insn.slot[1])[lane];
            object.pending = object.expected;
            object.valid = true;
            if (object.expected == 0 || object.expected > k_most_arrivals) {
                wrong(warp, insn, lane, address, "an mbarrier of 0 or more than 2^20 - 1 arrivals");
                continue;
            }
        }
        const std::uint64_t bits = object.encode();
        store_lane(
            warp,
            insn,
            lane,
            address,
            reinterpret_cast<const std::byte*>(&bits),
            8,
            window_of(insn));
    }
}

/// slots: [state,] address, [count or bytes].
void run_change(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const std::size_t at = (insn.mods & k_token) != 0 ? 1 : 0;
    if (warp.block->shadow && (insn.mods & (k_arrives | k_completes)) != 0) {
        warp.block->shadow->fence(warp.index);
    }
    for (Lanes left = active; left != 0; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        const std::uint32_t number =
            insn.slots > at + 1 ? warp.lanes<std::uint32_t>(insn.slot[at + 1])[lane] : 1;
        const bool expects = (insn.mods & k_expects) != 0;
        const std::uint32_t arrivals = (insn.mods & k_arrives) == 0 ? 0 : (expects ? 1 : number);
        const std::int64_t bytes = expects                          ? std::int64_t{number}
                                   : (insn.mods & k_completes) != 0 ? -std::int64_t{number}
                                                                    : 0;
        std::uint64_t before = 0;
        change_barrier(
            warp,
            insn,
            lane,
            lane_address(insn, warp, at, insn.wide_base, insn.offset, lane),
            window_of(insn),
            arrivals,
            (insn.mods & k_drop) != 0,
            bytes,
            before);
        if (at == 1 && insn.slot[0] != k_no_slot) {
            warp.lanes<std::uint64_t>(insn.slot[0])[lane] = before;
        }
    }
}

/// slots: predicate, address, state or parity, [time limit].
void run_wait(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    Lanes over = 0;
    for (Lanes left = active; left != 0; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        const std::uint64_t address =
            lane_address(insn, warp, 1, insn.wide_base, insn.offset, lane);
        const std::byte* host =
            lies_in_shared(warp, insn, lane, address, window_of(insn))
                ? reach_lane(
                      warp, insn, lane, address, 8, window_of(insn), Use::load, Order::strong)
                : nullptr;
        if (host == nullptr) {
            over |= Lanes{1} << lane;  // the kernel fails anyway, and should not hang
            continue;
        }
        const BarrierObject object = BarrierObject::decode(load_object(host));
        if (!object.valid) {
            wrong(warp, insn, lane, address, "a wait for an mbarrier that was not initialised");
            over |= Lanes{1} << lane;
            continue;
        }
        const bool odd =
            (insn.mods & k_parity) != 0
                ? (warp.lanes<std::uint32_t>(insn.slot[2])[lane] & 1U) != 0
                : BarrierObject::decode(warp.lanes<std::uint64_t>(insn.slot[2])[lane]).odd;
        if (object.odd != odd) {
            over |= Lanes{1} << lane;
            const std::uint64_t key = barrier_key(window_of(insn), address);
            charge(warp, warp.block->bulk.size() / 8);
            land_bulk(*warp.block, key, odd);
            if (warp.block->shadow) {
                warp.block->shadow->acquire(warp.index, key);
            }
        }
    }
    if (warp.block->shadow && over != 0) {
        // What a copy wrote counts as the issuing lane's, which need not wait itself.
        warp.block->shadow->warp_barrier(warp.index, k_all_lanes);
    }
    if (insn.slot[0] != k_no_slot) {
        Lanes& to = warp.predicate(insn.slot[0]);
        to = (to & ~active) | over;
    }
    if (over != active) {
        warp.yield = true;
    }
}

/// slots: count, state.
void run_pending_count(const Insn& insn, Warp& warp, Lanes active) {
    for (Lanes left = active; left != 0; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        warp.lanes<std::uint32_t>(insn.slot[0])[lane] =
            BarrierObject::decode(warp.lanes<std::uint64_t>(insn.slot[1])[lane]).pending;
    }
}

/// cp.async.mbarrier.arrive: the copies of these lanes land now, then the lanes arrive. Without
/// .noinc the phase expects one arrival more for it, so that nothing else changes.
void run_copy_arrive(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    async_wait(warp, active, 0, true);
    if (warp.block->shadow) {
        warp.block->shadow->fence(warp.index);
    }
    for (Lanes left = active; left != 0; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        std::uint64_t before = 0;
        change_barrier(
            warp,
            insn,
            lane,
            lane_address(insn, warp, 0, insn.wide_base, insn.offset, lane),
            window_of(insn),
            (insn.mods & k_arrives) != 0 ? 1 : 0,
            false,
            0,
            before);
    }
}

Binding barrier_binding(
    const Match& match, Handler run, std::vector<Width> widths, std::size_t least) {
    Binding binding;
    binding.run = run;
    binding.work = Work::shared;
    const bool named =
        match.has("shared") || match.has("shared::cta") || match.has("shared::cluster");
    binding.mods = static_cast<std::uint32_t>(named ? Window::shared : Window::generic);
    binding.bytes = 8;
    binding.slots_min = static_cast<std::uint16_t>(least);
    binding.slots_max = static_cast<std::uint16_t>(widths.size());
    binding.widths = std::move(widths);
    return binding;
}

}  // namespace

std::uint64_t barrier_key(Window window, std::uint64_t address) {
    return window == Window::generic ? generic_place(address).offset : address;
}

BarrierObject BarrierObject::decode(std::uint64_t bits) {
    return {
        static_cast<std::uint32_t>(bits & 0xFFFFFU),
        static_cast<std::uint32_t>(bits >> 20 & 0xFFFFFU),
        static_cast<std::int64_t>(bits >> 40 & 0x1FFFFFU) - (1 << 20),
        (bits >> 61 & 1U) != 0,
        bits >> 62 == 1};
}

std::uint64_t BarrierObject::encode() const {
    const auto biased = static_cast<std::uint64_t>(transactions + (1 << 20)) & 0x1FFFFFU;
    return valid ? expected | std::uint64_t{pending} << 20 | biased << 40 |
                       std::uint64_t{odd} << 61 | std::uint64_t{1} << 62
                 : 0;
}

void BarrierObject::settle() {
    if (pending == 0 && transactions == 0) {
        odd = !odd;
        pending = expected;
    }
}

bool change_barrier(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t address,
    Window window,
    std::uint32_t arrivals,
    bool drop,
    std::int64_t bytes,
    std::uint64_t& before) {
    if (!lies_in_shared(warp, insn, lane, address, window)) {
        return false;
    }
    std::byte* host = reach_lane(warp, insn, lane, address, 8, window, Use::atomic, Order::strong);
    if (host == nullptr) {
        return false;
    }
    before = load_object(host);
    BarrierObject object = BarrierObject::decode(before);
    if (!object.valid) {
        return wrong(warp, insn, lane, address, "an mbarrier that was not initialised");
    }
    object.transactions += bytes;
    if (object.transactions > k_most_transactions || object.transactions < -k_most_transactions) {
        return wrong(warp, insn, lane, address, "more than 2^20 - 1 bytes pending on an mbarrier");
    }
    if (arrivals > object.pending) {
        return wrong(
            warp, insn, lane, address, "more arrivals at an mbarrier than its phase expects");
    }
    object.pending -= arrivals;
    object.expected -= drop ? std::min(arrivals, object.expected) : 0;
    object.settle();
    const std::uint64_t after = object.encode();
    std::memcpy(host, &after, sizeof(after));
    if (warp.block->shadow) {
        warp.block->shadow->release(warp.index, barrier_key(window, address));
    }
    return true;
}

std::uint64_t lane_address(
    const Insn& insn, Warp& warp, std::size_t index, bool wide, std::int64_t offset, int lane) {
    const std::uint32_t slot = insn.slot[index];
    if (wide) {
        return warp.lanes<std::uint64_t>(slot)[lane] + static_cast<std::uint64_t>(offset);
    }
    return static_cast<std::uint32_t>(
        warp.lanes<std::uint32_t>(slot)[lane] + static_cast<std::uint32_t>(offset));
}

Binding bind_mbarrier_init(const Match& match) {
    return barrier_binding(match, &run_init, {Width::any, Width::w32}, 2);
}

Binding bind_mbarrier_inval(const Match& match) {
    return barrier_binding(match, &run_init, {Width::any}, 1);
}

Binding bind_mbarrier_arrive(const Match& match) {
    Binding binding = barrier_binding(match, &run_change, {Width::w64, Width::any, Width::w32}, 2);
    const bool expects = match.has(".expect_tx");
    binding.mods |=
        k_token | k_arrives | (match.has(".arrive_drop") ? k_drop : 0) | (expects ? k_expects : 0);
    binding.slots_min = expects ? 3 : 2;
    binding.sinks = 1;
    return binding;
}

Binding bind_mbarrier_tx(const Match& match) {
    Binding binding = barrier_binding(match, &run_change, {Width::any, Width::w32}, 2);
    binding.mods |= match.has(".expect_tx") ? k_expects : k_completes;
    return binding;
}

Binding bind_mbarrier_wait(const Match& match) {
    const bool parity = match.has(".parity");
    Binding binding = barrier_binding(
        match,
        &run_wait,
        {Width::predicate, Width::any, parity ? Width::w32 : Width::w64, Width::w32},
        3);
    binding.mods |= parity ? k_parity : 0;
    binding.slots_max = match.has(".try_wait") ? 4 : 3;
    return binding;
}

Binding bind_mbarrier_pending(const Match& match) {
    (void)match;
    Binding binding;
    binding.run = &run_pending_count;
    binding.work = Work::integer;
    binding.widths = {Width::w32, Width::w64};
    binding.slots_min = binding.slots_max = 2;
    return binding;
}

Binding bind_copy_arrive(const Match& match) {
    Binding binding = barrier_binding(match, &run_copy_arrive, {Width::any}, 1);
    binding.mods |= match.has(".noinc") ? k_arrives : 0;
    return binding;
}

}  // namespace kw::emu
