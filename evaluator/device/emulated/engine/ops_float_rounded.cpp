// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/ops_float_rounded.hpp"

#include "evaluator/device/emulated/engine/ops_float.hpp"

namespace kw::emu {

namespace {

enum : std::uint32_t { k_ftz = 0x100, k_sat = 0x200, k_round_shift = 4, k_low = 0xF };

Arithmetic arithmetic_of(std::uint32_t mods) {
    return static_cast<Arithmetic>(mods & k_low);
}

Round direction_of(std::uint32_t mods) {
    return static_cast<Round>((mods >> k_round_shift) & k_low);
}

Exact compute(Arithmetic arithmetic, Round round, const Exact* in) {
    switch (arithmetic) {
        case Arithmetic::add: return add(in[0], in[1], round);
        case Arithmetic::subtract: {
            Exact other = in[1];
            other.negative = !other.negative;
            return add(in[0], other, round);
        }
        case Arithmetic::multiply: return multiply(in[0], in[1]);
        case Arithmetic::fma: return add(multiply(in[0], in[1]), in[2], round);
        case Arithmetic::divide: return divide(in[0], in[1]);
        case Arithmetic::reciprocal: return divide(exact_of(1, false), in[0]);
        case Arithmetic::square_root: return square_root(in[0]);
    }
    return {};
}

unsigned operands_of(Arithmetic arithmetic) {
    switch (arithmetic) {
        case Arithmetic::fma: return 3;
        case Arithmetic::reciprocal:
        case Arithmetic::square_root: return 1;
        default: return 2;
    }
}

std::uint64_t first_nan(const std::uint64_t* bits, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        if ((bits[i] << 1) > (std::uint64_t{0x7FF} << 53)) {
            return bits[i] | (std::uint64_t{1} << 51);
        }
    }
    return 0xFFF8000000000000U;
}

template <class Bits>
void run_rounded(const Insn& insn, Warp& warp, Lanes active) {
    constexpr bool single = sizeof(Bits) == 4;
    const Format format = single ? k_f32 : k_f64;
    const Arithmetic arithmetic = arithmetic_of(insn.mods);
    const Round round = direction_of(insn.mods);
    const unsigned count = operands_of(arithmetic);
    Bits* const to = warp.lanes<Bits>(insn.slot[0]);
    for (int i = 0; i < k_lanes; ++i) {
        if ((active & k_lane_bit[i]) == 0) {
            continue;
        }
        Exact in[3];
        std::uint64_t bits[3] = {};
        for (unsigned k = 0; k < count; ++k) {
            Bits operand = warp.lanes<Bits>(insn.slot[k + 1])[i];
            if constexpr (single) {
                operand = (insn.mods & k_ftz) != 0 ? bits_of(flushed(float_of(operand))) : operand;
            }
            bits[k] = operand;
            in[k] = unpack(format, operand);
        }
        const Exact result = compute(arithmetic, round, in);
        if constexpr (single) {
            float value = float_of(static_cast<Bits>(pack(format, result, round)));
            value = (insn.mods & k_ftz) != 0 ? flushed(value) : value;
            to[i] = bits_of((insn.mods & k_sat) != 0 ? saturated(value) : value);
        } else {
            to[i] = result.kind == Kind::nan ? first_nan(bits, count) : pack(format, result, round);
        }
    }
}

Work work_of(Arithmetic arithmetic) {
    switch (arithmetic) {
        case Arithmetic::divide:
        case Arithmetic::reciprocal:
        case Arithmetic::square_root: return Work::divide;
        default: return Work::multiply_add;
    }
}

Binding bind_rounded(Arithmetic arithmetic, Round round) {
    Binding binding;
    binding.work = work_of(arithmetic);
    binding.real_immediates = true;
    binding.mods = static_cast<std::uint32_t>(arithmetic) |
                   (static_cast<std::uint32_t>(round) << k_round_shift);
    binding.slots_min = binding.slots_max = static_cast<std::uint16_t>(1 + operands_of(arithmetic));
    return binding;
}

}  // namespace

Binding bind_rounded_f32(Arithmetic arithmetic, Round round, bool ftz, bool sat) {
    Binding binding = bind_rounded(arithmetic, round);
    binding.run = &run_rounded<std::uint32_t>;
    binding.widths = {Width::w32};
    binding.mods |= (ftz ? k_ftz : 0U) | (sat ? k_sat : 0U);
    return binding;
}

Binding bind_rounded_f64(Arithmetic arithmetic, Round round) {
    Binding binding = bind_rounded(arithmetic, round);
    binding.run = &run_rounded<std::uint64_t>;
    binding.work = Work::double_precision;
    binding.widths = {Width::w64};
    return binding;
}

}  // namespace kw::emu
