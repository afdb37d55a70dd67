// SPDX-License-Identifier: Apache-2.0
// The loops that make a handler of a function on single lanes. A lane function is a functor: it
// takes values (std::uint16_t, float, Half2 ...), gives one, has no branches that depend on the
// values where it should vectorise, and is total, because it also runs on the garbage of inactive
// lanes.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"

#include <array>
#include <bit>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

/// Of every function on lanes: it has to become part of the loop, which is compiled for more than
/// one instruction set.
#define KW_LANE [[gnu::always_inline]]

namespace kw::emu {

__extension__ using u128 = unsigned __int128;
__extension__ using i128 = __int128;

/// What the loops are compiled for; functors that derive from UsesIsa get it as their first
/// argument.
struct Baseline {
    static constexpr bool fma = false;
};
struct Modern {  ///< x86-64-v3
    static constexpr bool fma = true;
};
struct UsesIsa {};

template <class T>
using LaneOf = std::conditional_t<
    (sizeof(T) <= 4),
    std::uint32_t,
    std::conditional_t<sizeof(T) == 8, std::uint64_t, u128>>;

template <class T>
KW_LANE constexpr T from_lane(LaneOf<T> bits) {
    if constexpr (sizeof(T) == sizeof(bits)) {
        return std::bit_cast<T>(bits);
    } else if constexpr (std::is_integral_v<T>) {
        return static_cast<T>(bits);
    } else {
        static_assert(sizeof(T) == 2);
        return std::bit_cast<T>(static_cast<std::uint16_t>(bits));
    }
}

template <class T>
KW_LANE constexpr LaneOf<T> to_lane(T value) {
    if constexpr (sizeof(T) == sizeof(LaneOf<T>)) {
        return std::bit_cast<LaneOf<T>>(value);
    } else if constexpr (std::is_integral_v<T>) {
        return static_cast<LaneOf<T>>(value);
    } else {
        static_assert(sizeof(T) == 2);
        return std::bit_cast<std::uint16_t>(value);
    }
}

inline constexpr std::array<std::uint32_t, k_lanes> k_lane_bit = [] {
    std::array<std::uint32_t, k_lanes> bits{};
    for (std::uint32_t i = 0; i < k_lanes; ++i) {
        bits[i] = 1U << i;
    }
    return bits;
}();

/// to[i] = from[i] in the lanes of `active`.
void copy_active(std::uint32_t* to, const std::uint32_t* from, Lanes active);
void copy_active(std::uint64_t* to, const std::uint64_t* from, Lanes active);
void copy_active(u128* to, const u128* from, Lanes active);

template <class Isa, class Op, class... A>
KW_LANE inline auto apply(A... args) {
    if constexpr (std::is_base_of_v<UsesIsa, Op>) {
        return Op{}(Isa{}, args...);
    } else {
        return Op{}(args...);
    }
}

/// slot[0] = Op(slot[1], slot[2] ...).
template <class Op, class R, class... A>
struct Map {
    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& warp, Lanes active) {
        run_on<Isa>(insn, warp, active, std::index_sequence_for<A...>{});
    }

private:
    template <class Isa, std::size_t... I>
    KW_LANE static void run_on(
        const Insn& insn, Warp& warp, Lanes active, std::index_sequence<I...> /*operands*/) {
        LaneOf<R>* const to = warp.lanes<LaneOf<R>>(insn.slot[0]);
        alignas(64) LaneOf<R> kept[k_lanes];
        const bool whole = active == k_all_lanes;
        LaneOf<R>* const out = whole ? to : kept;
        const std::tuple<const LaneOf<A>*...> in{warp.lanes<LaneOf<A>>(insn.slot[I + 1])...};
        // A destination is one of the sources or apart from them, so lanes are independent.
#pragma GCC ivdep
        for (int i = 0; i < k_lanes; ++i) {
            out[i] = to_lane<R>(apply<Isa, Op>(from_lane<A>(std::get<I>(in)[i])...));
        }
        if (!whole) {
            copy_active(to, kept, active);
        }
    }
};

/// A bit per lane: Op(slot[first], slot[second]) for functors that give bool.
template <class Isa, class Op, class A>
KW_LANE inline Lanes test_lanes(Warp& warp, std::uint32_t first, std::uint32_t second) {
    const LaneOf<A>* const a = warp.lanes<LaneOf<A>>(first);
    const LaneOf<A>* const b = warp.lanes<LaneOf<A>>(second);
    if constexpr (sizeof(A) <= 4) {
        Lanes bits = 0;
        for (int i = 0; i < k_lanes; ++i) {
            bits |= apply<Isa, Op>(from_lane<A>(a[i]), from_lane<A>(b[i])) ? k_lane_bit[i] : 0U;
        }
        return bits;
    } else {
        std::uint64_t bits = 0;
        for (int i = 0; i < k_lanes; ++i) {
            const bool yes = apply<Isa, Op>(from_lane<A>(a[i]), from_lane<A>(b[i]));
            bits |= static_cast<std::uint64_t>(yes) << static_cast<unsigned>(i);
        }
        return static_cast<Lanes>(bits);
    }
}

/// predicate = value in the lanes of `active`; a sink keeps nothing.
inline void store_predicate(Warp& warp, std::uint32_t slot, Lanes value, Lanes active) {
    if (slot != k_no_slot) {
        Lanes& to = warp.predicate(slot);
        to = (to & ~active) | (value & active);
    }
}

/// The predicate in slot[index], with its `!`.
[[nodiscard]] inline Lanes load_predicate(Warp& warp, const Insn& insn, unsigned index) {
    const Lanes negate = ((insn.wide >> index) & 1U) != 0 ? k_all_lanes : 0U;
    return warp.predicate(insn.slot[index]) ^ negate;
}

template <class Body>
void run_baseline(const Insn& insn, Warp& warp, Lanes active) {
    Body::template run<Baseline>(insn, warp, active);
}

#if defined(__x86_64__)
template <class Body>
[[gnu::target("avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt")]] void run_modern(
    const Insn& insn, Warp& warp, Lanes active) {
    Body::template run<Modern>(insn, warp, active);
}
#endif

/// Whether this processor has what run_modern is compiled for; false keeps every handler on the
/// baseline, which gives the same bits. The choice is made when an opcode is bound.
[[nodiscard]] bool& modern_allowed();

/// The handler of a body, for this processor.
template <class Body>
[[nodiscard]] Handler handler() {
#if defined(__x86_64__)
    if (modern_allowed()) {
        return &run_modern<Body>;
    }
#endif
    return &run_baseline<Body>;
}

/// The handler for any processor.
template <class Body>
[[nodiscard]] Handler plain_handler() {
    return &run_baseline<Body>;
}

template <class T>
inline constexpr Width k_width_of = sizeof(T) == 2   ? Width::w16
                                    : sizeof(T) == 4 ? Width::w32
                                    : sizeof(T) == 8 ? Width::w64
                                                     : Width::w128;

/// slot[0] = Op(slot[1] ...): the widths of its operands, exactly that many slots.
template <class Op, class R, class... A>
[[nodiscard]] Binding bind_with(Handler run, Work work, bool real) {
    Binding binding;
    binding.run = run;
    binding.work = work;
    binding.widths = {k_width_of<R>, k_width_of<A>...};
    binding.real_immediates = real;
    binding.slots_min = binding.slots_max = 1 + sizeof...(A);
    return binding;
}

/// The binding of a Map.
template <class Op, class R, class... A>
[[nodiscard]] Binding bind_map(Work work, bool real = false) {
    return bind_with<Op, R, A...>(handler<Map<Op, R, A...>>(), work, real);
}

/// The same for rare instructions, and for those that gain nothing from wider vectors.
template <class Op, class R, class... A>
[[nodiscard]] Binding bind_plain(Work work, bool real = false) {
    return bind_with<Op, R, A...>(plain_handler<Map<Op, R, A...>>(), work, real);
}

}  // namespace kw::emu
