// SPDX-License-Identifier: Apache-2.0
// add.cc, addc, sub.cc, subc, mad.cc, madc: arithmetic through the warp's carry flags (PTX ISA 9.0,
// 9.7.2). The flag of a subtraction is the borrow.
#include "evaluator/device/emulated/engine/bind_arithmetic.hpp"
#include "evaluator/device/emulated/engine/bind_types.hpp"

namespace kw::emu {

namespace {

enum : std::uint32_t {
    k_carry_in = 1,
    k_carry_out = 2,
    k_subtract = 4,
    k_multiply_low = 8,
    k_multiply_high = 16,
};

template <class T>
struct Carry {
    using U = std::make_unsigned_t<T>;

    static void run(const Insn& insn, Warp& warp, Lanes active) {
        U* const to = warp.lanes<U>(insn.slot[0]);
        const U* const a = warp.lanes<U>(insn.slot[1]);
        const U* const b = warp.lanes<U>(insn.slot[2]);
        const bool multiply = (insn.mods & (k_multiply_low | k_multiply_high)) != 0;
        const U* const c = multiply ? warp.lanes<U>(insn.slot[3]) : b;
        Lanes carry = 0;
        for (int i = 0; i < k_lanes; ++i) {
            if ((active & k_lane_bit[i]) == 0) {
                continue;
            }
            const bool in = (insn.mods & k_carry_in) != 0 && (warp.carry & k_lane_bit[i]) != 0;
            const U x = multiply ? product(a[i], b[i], insn.mods) : a[i];
            const U y = c[i];
            const U extra = in ? 1 : 0;
            // Only one of the two steps can wrap.
            U sum = 0;
            bool out = false;
            if ((insn.mods & k_subtract) != 0) {
                const U difference = static_cast<U>(x - y);
                sum = static_cast<U>(difference - extra);
                out = x < y || difference < extra;
            } else {
                const U partial = static_cast<U>(x + y);
                sum = static_cast<U>(partial + extra);
                out = partial < x || sum < partial;
            }
            to[i] = sum;
            carry |= out ? k_lane_bit[i] : 0U;
        }
        if ((insn.mods & k_carry_out) != 0) {
            warp.carry = (warp.carry & ~active) | carry;
        }
    }

    static U product(U a, U b, std::uint32_t mods) {
        const auto wide = static_cast<Twice<U>>(
            static_cast<Twice<T>>(static_cast<T>(a)) * static_cast<Twice<T>>(static_cast<T>(b)));
        return static_cast<U>((mods & k_multiply_low) != 0 ? wide : wide >> (8 * sizeof(U)));
    }
};

}  // namespace

Binding bind_carry(const Match& match) {
    const std::string_view name = match[0];
    std::uint32_t mods = match.has(".cc") ? k_carry_out : 0U;
    mods |= name.ends_with('c') ? k_carry_in : 0U;
    mods |= name.starts_with("sub") ? k_subtract : 0U;
    const bool multiply = name.starts_with("mad");
    if (multiply) {
        mods |= match.has(".hi") ? k_multiply_high : k_multiply_low;
    }
    return with_integer(match.parts.back(), [=](auto t) -> Binding {
        using T = decltype(t);
        if constexpr (sizeof(T) < 4) {
            return {};
        } else {
            Binding binding;
            binding.run = &Carry<T>::run;
            binding.work = multiply ? Work::multiply_add : Work::integer;
            binding.widths = {k_width_of<T>};
            binding.mods = mods;
            binding.slots_min = binding.slots_max = multiply ? 4 : 3;
            return binding;
        }
    });
}

}  // namespace kw::emu
