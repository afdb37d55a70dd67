// SPDX-License-Identifier: Apache-2.0
// Logic and shifts (PTX ISA 9.0, 9.7.8).
#include "evaluator/device/emulated/engine/bind_arithmetic.hpp"
#include "evaluator/device/emulated/engine/bind_types.hpp"

#include <algorithm>

namespace kw::emu {

namespace {

struct And {
    template <class U>
    KW_LANE U operator()(U a, U b) const {
        return static_cast<U>(a & b);
    }
};

struct Or {
    template <class U>
    KW_LANE U operator()(U a, U b) const {
        return static_cast<U>(a | b);
    }
};

struct Xor {
    template <class U>
    KW_LANE U operator()(U a, U b) const {
        return static_cast<U>(a ^ b);
    }
};

struct Not {
    template <class U>
    KW_LANE U operator()(U a) const {
        return static_cast<U>(~a);
    }
};

/// 1 where a is 0, else 0.
struct LogicalNot {
    template <class U>
    KW_LANE U operator()(U a) const {
        return static_cast<U>(a == 0 ? 1 : 0);
    }
};

/// Counts beyond the width give 0 (or the sign, of shr.s).
struct ShiftLeft {
    template <class U>
    KW_LANE U operator()(U a, std::uint32_t count) const {
        constexpr std::uint32_t size = 8 * sizeof(U);
        const auto shifted = static_cast<U>(static_cast<Modular<U>>(a) << (count & (size - 1)));
        return count < size ? shifted : U{0};
    }
};

struct ShiftRight {
    template <class T>
    KW_LANE T operator()(T a, std::uint32_t count) const {
        constexpr std::uint32_t size = 8 * sizeof(T);
        if constexpr (std::is_signed_v<T>) {
            return static_cast<T>(a >> (count < size ? count : size - 1));
        } else {
            const auto shifted = static_cast<T>(a >> (count & (size - 1)));
            return count < size ? shifted : T{0};
        }
    }
};

template <bool left, bool clamp>
struct FunnelShift {
    KW_LANE std::uint32_t operator()(std::uint32_t a, std::uint32_t b, std::uint32_t c) const {
        const std::uint64_t both = (std::uint64_t{b} << 32) | a;
        const std::uint32_t count = clamp ? std::min(c, 32U) : c & 31U;
        return static_cast<std::uint32_t>(left ? (both << count) >> 32 : both >> count);
    }
};

template <class Op>
void combine_predicates(const Insn& insn, Warp& warp, Lanes active) {
    const Lanes value =
        Op{}(load_predicate(warp, insn, 1), load_predicate(warp, insn, insn.slots - 1U));
    store_predicate(warp, insn.slot[0], value, active);
}

void invert_predicate(const Insn& insn, Warp& warp, Lanes active) {
    store_predicate(warp, insn.slot[0], ~load_predicate(warp, insn, 1), active);
}

template <class Op>
Binding bind_bitwise(std::string_view type) {
    if (type == ".pred") {
        Binding binding;
        binding.run = &combine_predicates<Op>;
        binding.work = Work::predicate;
        binding.widths = {Width::predicate};
        binding.slots_min = binding.slots_max = 3;
        return binding;
    }
    return with_bits(type, [](auto t) {
        using U = decltype(t);
        return bind_map<Op, U, U, U>(Work::integer);
    });
}

/// d = F(a, b, c) by its truth table; with an operator also p = (d != 0) op q. Slots: d, (p), a, b,
/// c, table, (q).
struct Lop3 {
    enum : std::uint32_t { k_with_predicate = 1, k_or = 2 };

    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& warp, Lanes active) {
        const bool with_predicate = (insn.mods & k_with_predicate) != 0;
        const unsigned first = with_predicate ? 2 : 1;
        const std::uint32_t* const a = warp.lanes<std::uint32_t>(insn.slot[first]);
        const std::uint32_t* const b = warp.lanes<std::uint32_t>(insn.slot[first + 1]);
        const std::uint32_t* const c = warp.lanes<std::uint32_t>(insn.slot[first + 2]);
        const std::uint32_t table = *warp.lanes<std::uint32_t>(insn.slot[first + 3]);
        std::uint32_t row[8];
        for (unsigned i = 0; i < 8; ++i) {
            row[i] = 0U - ((table >> i) & 1U);
        }
        alignas(64) std::uint32_t kept[k_lanes];
        const bool straight = active == k_all_lanes && !with_predicate;
        std::uint32_t* const out = straight ? warp.lanes<std::uint32_t>(insn.slot[0]) : kept;
#pragma GCC ivdep
        for (int i = 0; i < k_lanes; ++i) {
            const std::uint32_t low0 = row[0] ^ ((row[0] ^ row[1]) & c[i]);
            const std::uint32_t low1 = row[2] ^ ((row[2] ^ row[3]) & c[i]);
            const std::uint32_t high0 = row[4] ^ ((row[4] ^ row[5]) & c[i]);
            const std::uint32_t high1 = row[6] ^ ((row[6] ^ row[7]) & c[i]);
            const std::uint32_t low = low0 ^ ((low0 ^ low1) & b[i]);
            const std::uint32_t high = high0 ^ ((high0 ^ high1) & b[i]);
            out[i] = low ^ ((low ^ high) & a[i]);
        }
        if (with_predicate) {
            const Lanes q = load_predicate(warp, insn, first + 4);
            Lanes set = 0;
            for (int i = 0; i < k_lanes; ++i) {
                set |= out[i] != 0 ? k_lane_bit[i] : 0U;
            }
            store_predicate(
                warp, insn.slot[1], (insn.mods & k_or) != 0 ? set | q : set & q, active);
        }
        if (!straight && insn.slot[0] != k_no_slot) {
            copy_active(warp.lanes<std::uint32_t>(insn.slot[0]), out, active);
        }
    }
};

/// What byte i of the result is taken from, as the generic form says it in four bits.
enum class Permute : std::uint32_t { generic, f4e, b4e, rc8, ecl, ecr, rc16 };

std::uint32_t permute_code(Permute mode, std::uint32_t control) {
    if (mode == Permute::generic) {
        return control & 0xFFFFU;
    }
    const std::uint32_t k = control & 3U;
    std::uint32_t code = 0;
    for (std::uint32_t i = 0; i < 4; ++i) {
        std::uint32_t from = 0;
        switch (mode) {
            case Permute::generic: break;
            case Permute::f4e: from = k + i; break;
            case Permute::b4e: from = (k + 8 - i) & 7U; break;
            case Permute::rc8: from = k; break;
            case Permute::ecl: from = std::max(k, i); break;
            case Permute::ecr: from = std::min(k, i); break;
            case Permute::rc16: from = 2 * (k & 1U) + (i & 1U); break;
        }
        code |= from << (4 * i);
    }
    return code;
}

KW_LANE inline std::uint32_t permute_bytes(std::uint32_t a, std::uint32_t b, std::uint32_t code) {
    std::uint32_t result = 0;
    for (std::uint32_t i = 0; i < 4; ++i) {
        const std::uint32_t pick = code >> (4 * i);
        const std::uint32_t word = (pick & 4U) != 0 ? b : a;
        const auto byte = static_cast<std::uint8_t>(word >> (8 * (pick & 3U)));
        const auto sign = static_cast<std::uint8_t>(0U - (byte >> 7U));
        result |= std::uint32_t{(pick & 8U) != 0 ? sign : byte} << (8 * i);
    }
    return result;
}

struct PermuteBytes {
    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& warp, Lanes active) {
        const std::uint32_t* const a = warp.lanes<std::uint32_t>(insn.slot[1]);
        const std::uint32_t* const b = warp.lanes<std::uint32_t>(insn.slot[2]);
        const std::uint32_t* const c = warp.lanes<std::uint32_t>(insn.slot[3]);
        const auto mode = static_cast<Permute>(insn.mods);
        alignas(64) std::uint32_t out[k_lanes] = {};
        std::uint32_t differ = 0;
        for (int i = 0; i < k_lanes; ++i) {
            differ |= c[i] ^ c[0];
        }
        if (differ == 0) {
            // Nearly always: a constant. Everything that depends on it leaves the loop.
            uniform(out, a, b, permute_code(mode, c[0]));
        } else {
            for (int i = 0; i < k_lanes; ++i) {
                out[i] = permute_bytes(a[i], b[i], permute_code(mode, c[i]));
            }
        }
        copy_active(warp.lanes<std::uint32_t>(insn.slot[0]), out, active);
    }

private:
    /// A byte at a time, so that what a byte is taken from is the same in every lane.
    KW_LANE static void uniform(
        std::uint32_t* out, const std::uint32_t* a, const std::uint32_t* b, std::uint32_t code) {
        for (std::uint32_t k = 0; k < 4; ++k) {
            const std::uint32_t pick = code >> (4 * k);
            const std::uint32_t* const word = (pick & 4U) != 0 ? b : a;
            const std::uint32_t left = 24 - 8 * (pick & 3U);
            const std::uint32_t place = 0xFFU << (8 * k);
            if ((pick & 8U) != 0) {
                for (int i = 0; i < k_lanes; ++i) {
                    const std::uint32_t sign = 0U - ((word[i] << left) >> 31);
                    out[i] = out[i] | (sign & place);
                }
            } else {
                for (int i = 0; i < k_lanes; ++i) {
                    const std::uint32_t byte = (word[i] << left) >> 24;
                    out[i] = out[i] | (byte << (8 * k));
                }
            }
        }
    }
};

}  // namespace

Binding bind_logic(const Match& match) {
    if (match[0] == "and") {
        return bind_bitwise<And>(match[1]);
    }
    return match[0] == "or" ? bind_bitwise<Or>(match[1]) : bind_bitwise<Xor>(match[1]);
}

Binding bind_not(const Match& match) {
    if (match[1] == ".pred") {
        Binding binding;
        binding.run = &invert_predicate;
        binding.work = Work::predicate;
        binding.widths = {Width::predicate};
        binding.slots_min = binding.slots_max = 2;
        return binding;
    }
    const bool logical = match[0] == "cnot";
    return with_bits(match[1], [logical](auto t) {
        using U = decltype(t);
        return logical ? bind_map<LogicalNot, U, U>(Work::integer)
                       : bind_map<Not, U, U>(Work::integer);
    });
}

Binding bind_lop3(const Match& match) {
    Binding binding;
    binding.run = handler<Lop3>();
    binding.work = Work::integer;
    binding.widths = {Width::w32};
    if (match[1].empty()) {
        binding.slots_min = binding.slots_max = 5;
        return binding;
    }
    binding.mods = Lop3::k_with_predicate | (match[1] == ".or" ? Lop3::k_or : 0U);
    binding.widths = {Width::w32, Width::w32, Width::w32, Width::w32, Width::w32, Width::predicate};
    binding.slots_min = binding.slots_max = 7;
    binding.sinks = 3;
    return binding;
}

Binding bind_shift(const Match& match) {
    using Count = std::uint32_t;
    if (match[0] == "shl") {
        return with_bits(match[1], [](auto t) {
            return bind_map<ShiftLeft, decltype(t), decltype(t), Count>(Work::integer);
        });
    }
    const auto right = [](auto t) {
        return bind_map<ShiftRight, decltype(t), decltype(t), Count>(Work::integer);
    };
    return match[1].starts_with(".b") ? with_bits(match[1], right) : with_integer(match[1], right);
}

Binding bind_shf(const Match& match) {
    using U = std::uint32_t;
    if (match[1] == ".l") {
        return match[2] == ".clamp" ? bind_map<FunnelShift<true, true>, U, U, U, U>(Work::integer)
                                    : bind_map<FunnelShift<true, false>, U, U, U, U>(Work::integer);
    }
    return match[2] == ".clamp" ? bind_map<FunnelShift<false, true>, U, U, U, U>(Work::integer)
                                : bind_map<FunnelShift<false, false>, U, U, U, U>(Work::integer);
}

Binding bind_prmt(const Match& match) {
    static constexpr std::string_view modes[] = {
        "", ".f4e", ".b4e", ".rc8", ".ecl", ".ecr", ".rc16"};
    Binding binding;
    binding.run = handler<PermuteBytes>();
    binding.work = Work::integer;
    binding.widths = {Width::w32};
    binding.mods = static_cast<std::uint32_t>(
        std::find(std::begin(modes), std::end(modes), match[1]) - std::begin(modes));
    binding.slots_min = binding.slots_max = 4;
    return binding;
}

}  // namespace kw::emu
