// SPDX-License-Identifier: Apache-2.0
// Exchanges between the lanes of a warp: shfl, vote, match, redux, elect, activemask. All but the
// last wait for the lanes that their mask names; none orders memory.
#include "evaluator/device/emulated/engine/bind_warp.hpp"
#include "evaluator/device/emulated/engine/masks.hpp"
#include "evaluator/device/emulated/engine/warp_control.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

enum class Shuffle : std::uint8_t { up, down, bfly, idx };
enum class Vote : std::uint8_t { all, any, uni, ballot };
enum class Redux : std::uint8_t { add, min, max, min_signed, max_signed, bit_and, bit_or, bit_xor };

/// The lane that `lane` reads, and whether it is in range. `c`: bits 0-4 clamp, 8-12 segment mask.
template <Shuffle mode>
std::pair<std::uint32_t, bool> shuffle_source(
    std::uint32_t lane, std::uint32_t b, std::uint32_t c) {
    const std::uint32_t value = b & 31;
    const std::uint32_t clamp = c & 31;
    const std::uint32_t segment = (c >> 8) & 31;
    const std::uint32_t most = (lane & segment) | (clamp & ~segment & 31);
    const std::uint32_t least = lane & segment;
    std::uint32_t from = 0;
    bool in_range = false;
    if constexpr (mode == Shuffle::up) {
        from = lane - value;
        in_range = static_cast<std::int32_t>(from) >= static_cast<std::int32_t>(most);
    } else if constexpr (mode == Shuffle::down) {
        from = lane + value;
        in_range = from <= most;
    } else if constexpr (mode == Shuffle::bfly) {
        from = lane ^ value;
        in_range = from <= most;
    } else {
        from = least | (value & ~segment & 31);
        in_range = from <= most;
    }
    return {in_range ? from : lane, in_range};
}

/// slots: d [, p], a, b, c, mask.
template <Shuffle mode>
void run_shfl(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const std::size_t first = insn.slots - std::size_t{4};
    const Lanes mask = member_mask(warp, insn, active, insn.slot[first + 3]);
    if (!converged(warp, insn, active, mask)) {
        return;
    }
    alignas(64) std::array<std::uint32_t, k_lanes> a;
    std::memcpy(a.data(), warp.lanes<std::uint32_t>(insn.slot[first]), sizeof(a));
    const std::uint32_t* b = warp.lanes<std::uint32_t>(insn.slot[first + 1]);
    const std::uint32_t* c = warp.lanes<std::uint32_t>(insn.slot[first + 2]);
    std::array<std::uint32_t, k_lanes> out;
    Lanes in_range = 0;
    Lanes read = 0;
    for (std::uint32_t lane = 0; lane < k_lanes; ++lane) {
        const auto [from, ok] = shuffle_source<mode>(lane, b[lane], c[lane]);
        out[lane] = a[from];
        in_range |= ok ? Lanes{1} << lane : 0;
        read |= ((active >> lane) & 1) != 0 ? Lanes{1} << from : 0;
    }
    if (insn.slot[0] != k_no_slot) {
        std::uint32_t* d = warp.lanes<std::uint32_t>(insn.slot[0]);
        for (std::size_t lane = 0; lane < k_lanes; ++lane) {
            d[lane] = ((active >> lane) & 1) != 0 ? out[lane] : d[lane];
        }
    }
    if (first == 2 && insn.slot[1] != k_no_slot) {
        Lanes& p = warp.predicate(insn.slot[1]);
        p = (p & ~active) | (in_range & active);
    }
    if (const Lanes absent = read & ~active; absent != 0) [[unlikely]] {
        Defect defect;
        defect.kind = FindingKind::unconverged_warp_op;
        defect.severity = Severity::warning;  // undefined, but perhaps not used
        defect.count = static_cast<std::uint64_t>(__builtin_popcount(absent));
        defect.detail = "a value is read from a lane that does not execute the shuffle";
        report(warp, insn, __builtin_ctz(absent), defect);
    }
}

/// slots: result, predicate, mask.
template <Vote kind>
void run_vote(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const Lanes mask = member_mask(warp, insn, active, insn.slot[2]);
    if (!converged(warp, insn, active, mask)) {
        return;
    }
    Lanes votes = warp.predicate(insn.slot[1]);
    votes = ((insn.wide & 2) != 0 ? ~votes : votes) & active & mask;
    const Lanes voters = active & mask;
    if constexpr (kind == Vote::ballot) {
        std::uint32_t* out = warp.lanes<std::uint32_t>(insn.slot[0]);
        for (std::size_t lane = 0; lane < k_lanes; ++lane) {
            out[lane] = ((active >> lane) & 1) != 0 ? votes : out[lane];
        }
        return;
    }
    const bool yes = kind == Vote::all   ? votes == voters
                     : kind == Vote::any ? votes != 0
                                         : votes == voters || votes == 0;
    Lanes& out = warp.predicate(insn.slot[0]);
    out = yes ? out | active : out & ~active;
}

void run_activemask(const Insn& insn, Warp& base, Lanes active) {
    std::uint32_t* out = base.lanes<std::uint32_t>(insn.slot[0]);
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        out[lane] = ((active >> lane) & 1) != 0 ? active : out[lane];
    }
}

template <class T>
Lanes equal_lanes(const T* a, Lanes active, std::size_t lane) {
    Lanes same = 0;
    for (std::size_t i = 0; i < k_lanes; ++i) {
        same |= a[i] == a[lane] ? Lanes{1} << i : 0;
    }
    return same & active;
}

/// slots: d, a, mask.
template <class T>
void run_match_any(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const Lanes mask = member_mask(warp, insn, active, insn.slot[2]);
    if (!converged(warp, insn, active, mask)) {
        return;
    }
    std::array<T, k_lanes> a;
    std::memcpy(a.data(), warp.lanes<T>(insn.slot[1]), sizeof(a));
    std::uint32_t* d = warp.lanes<std::uint32_t>(insn.slot[0]);
    for (Lanes left = active; left != 0; left &= left - 1) {
        const auto lane = static_cast<std::size_t>(__builtin_ctz(left));
        d[lane] = equal_lanes(a.data(), active & mask, lane);
    }
}

/// slots: d [, p], a, mask.
template <class T>
void run_match_all(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const std::size_t first = insn.slots - std::size_t{2};
    const Lanes mask = member_mask(warp, insn, active, insn.slot[first + 1]);
    if (!converged(warp, insn, active, mask)) {
        return;
    }
    const T* a = warp.lanes<T>(insn.slot[first]);
    const Lanes voters = active & mask;
    const auto lane = static_cast<std::size_t>(__builtin_ctz(active));
    const bool same = equal_lanes(a, voters, lane) == voters;
    if (insn.slot[0] != k_no_slot) {
        std::uint32_t* d = warp.lanes<std::uint32_t>(insn.slot[0]);
        for (std::size_t i = 0; i < k_lanes; ++i) {
            d[i] = ((active >> i) & 1) != 0 ? (same ? mask : 0) : d[i];
        }
    }
    if (first == 2 && insn.slot[1] != k_no_slot) {
        Lanes& p = warp.predicate(insn.slot[1]);
        p = same ? p | active : p & ~active;
    }
}

template <Redux op>
std::uint32_t reduce(std::uint32_t a, std::uint32_t b) {
    const auto sa = static_cast<std::int32_t>(a);
    const auto sb = static_cast<std::int32_t>(b);
    switch (op) {
        case Redux::add: return a + b;
        case Redux::min: return std::min(a, b);
        case Redux::max: return std::max(a, b);
        case Redux::min_signed: return static_cast<std::uint32_t>(std::min(sa, sb));
        case Redux::max_signed: return static_cast<std::uint32_t>(std::max(sa, sb));
        case Redux::bit_and: return a & b;
        case Redux::bit_or: return a | b;
        case Redux::bit_xor: return a ^ b;
    }
    return a;
}

/// slots: d, a, mask.
template <Redux op>
void run_redux(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const Lanes mask = member_mask(warp, insn, active, insn.slot[2]);
    if (!converged(warp, insn, active, mask)) {
        return;
    }
    const std::uint32_t* a = warp.lanes<std::uint32_t>(insn.slot[1]);
    Lanes left = active;
    std::uint32_t sum = a[__builtin_ctz(left)];
    for (left &= left - 1; left != 0; left &= left - 1) {
        sum = reduce<op>(sum, a[__builtin_ctz(left)]);
    }
    std::uint32_t* d = warp.lanes<std::uint32_t>(insn.slot[0]);
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        d[lane] = ((active >> lane) & 1) != 0 ? sum : d[lane];
    }
}

/// slots: d | p, mask. The lowest lane is elected.
void run_elect(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const Lanes mask = member_mask(warp, insn, active, insn.slot[2]);
    if (!converged(warp, insn, active, mask)) {
        return;
    }
    const auto leader = static_cast<std::uint32_t>(__builtin_ctz(active));
    if (insn.slot[0] != k_no_slot) {
        std::uint32_t* d = warp.lanes<std::uint32_t>(insn.slot[0]);
        for (std::size_t lane = 0; lane < k_lanes; ++lane) {
            d[lane] = ((active >> lane) & 1) != 0 ? leader : d[lane];
        }
    }
    if (insn.slot[1] != k_no_slot) {
        Lanes& p = warp.predicate(insn.slot[1]);
        p = (p & ~active) | (Lanes{1} << leader);
    }
}

Binding warp_binding(
    Handler run, std::vector<Width> widths, std::uint16_t least, std::uint16_t most) {
    Binding binding;
    binding.run = run;
    binding.work = Work::warp;
    binding.widths = std::move(widths);
    binding.slots_min = least;
    binding.slots_max = most;
    return binding;
}

}  // namespace

Binding bind_shfl(const Match& match) {
    const Handler run = match.has("up")     ? &by_mask<&run_shfl<Shuffle::up>>
                        : match.has("down") ? &by_mask<&run_shfl<Shuffle::down>>
                        : match.has("bfly") ? &by_mask<&run_shfl<Shuffle::bfly>>
                                            : &by_mask<&run_shfl<Shuffle::idx>>;
    Binding binding = warp_binding(run, {Width::w32}, 5, 6);
    binding.sinks = 3;
    return binding;
}

Binding bind_vote(const Match& match) {
    const bool ballot = match.has("ballot");
    const Handler run = ballot             ? &by_mask<&run_vote<Vote::ballot>>
                        : match.has("all") ? &by_mask<&run_vote<Vote::all>>
                        : match.has("any") ? &by_mask<&run_vote<Vote::any>>
                                           : &by_mask<&run_vote<Vote::uni>>;
    return warp_binding(
        run, {ballot ? Width::w32 : Width::predicate, Width::predicate, Width::w32}, 3, 3);
}

Binding bind_activemask(const Match&) {
    return warp_binding(&run_activemask, {Width::w32}, 1, 1);
}

Binding bind_match_any(const Match& match) {
    const bool wide = match.has("b64");
    return warp_binding(
        wide ? &by_mask<&run_match_any<std::uint64_t>> : &by_mask<&run_match_any<std::uint32_t>>,
        {Width::w32, wide ? Width::w64 : Width::w32, Width::w32},
        3,
        3);
}

Binding bind_match_all(const Match& match) {
    const bool wide = match.has("b64");
    Binding binding = warp_binding(
        wide ? &by_mask<&run_match_all<std::uint64_t>> : &by_mask<&run_match_all<std::uint32_t>>,
        {Width::w32, wide ? Width::w64 : Width::w32, Width::w32},
        3,
        4);
    binding.sinks = 3;
    return binding;
}

Binding bind_redux(const Match& match) {
    const bool is_signed = match.has("s32");
    Handler run = &by_mask<&run_redux<Redux::add>>;
    if (match.has("min")) {
        run =
            is_signed ? &by_mask<&run_redux<Redux::min_signed>> : &by_mask<&run_redux<Redux::min>>;
    } else if (match.has("max")) {
        run =
            is_signed ? &by_mask<&run_redux<Redux::max_signed>> : &by_mask<&run_redux<Redux::max>>;
    } else if (match.has("and")) {
        run = &by_mask<&run_redux<Redux::bit_and>>;
    } else if (match.has("or")) {
        run = &by_mask<&run_redux<Redux::bit_or>>;
    } else if (match.has("xor")) {
        run = &by_mask<&run_redux<Redux::bit_xor>>;
    }
    return warp_binding(run, {Width::w32, Width::w32, Width::w32}, 3, 3);
}

Binding bind_elect(const Match&) {
    Binding binding = warp_binding(&by_mask<&run_elect>, {Width::w32, Width::w32}, 3, 3);
    binding.sinks = 3;
    return binding;
}

}  // namespace kw::emu
