// SPDX-License-Identifier: Apache-2.0
// cvt between scalar types (PTX ISA 9.0, 9.7.9.21).
#include "evaluator/device/emulated/engine/ops_convert.hpp"

#include "evaluator/device/emulated/engine/bind_convert.hpp"
#include "evaluator/device/emulated/engine/half.hpp"

#include <algorithm>
#include <iterator>

namespace kw::emu {

namespace {

constexpr std::string_view k_names[] = {
    ".u8", ".u16", ".u32", ".u64", ".s8", ".s16", ".s32", ".s64", ".f16", ".bf16", ".f32", ".f64"};

std::uint64_t load_bits(Warp& warp, const Insn& insn, unsigned slot, int lane) {
    return ((insn.wide >> slot) & 1U) != 0 ? warp.lanes<std::uint64_t>(insn.slot[slot])[lane]
                                           : warp.lanes<std::uint32_t>(insn.slot[slot])[lane];
}

void store_bits(Warp& warp, const Insn& insn, unsigned slot, int lane, std::uint64_t bits) {
    if (((insn.wide >> slot) & 1U) != 0) {
        warp.lanes<std::uint64_t>(insn.slot[slot])[lane] = bits;
    } else {
        warp.lanes<std::uint32_t>(insn.slot[slot])[lane] = static_cast<std::uint32_t>(bits);
    }
}

/// The low bits as a number of that integer type.
i128 integer_from(Number type, std::uint64_t bits) {
    const int unused = 64 - size_of(type);
    if (is_signed(type)) {
        return static_cast<std::int64_t>(bits << unused) >> unused;
    }
    return (bits << unused) >> unused;
}

i128 lowest(Number type) {
    return is_signed(type) ? -(i128{1} << (size_of(type) - 1)) : i128{0};
}

i128 highest(Number type) {
    return (i128{1} << (size_of(type) - (is_signed(type) ? 1 : 0))) - 1;
}

std::uint64_t flushed_bits(Number type, std::uint64_t bits) {
    return type == Number::f32 ? bits_of(flushed(float_of(static_cast<std::uint32_t>(bits))))
                               : bits;
}

Exact saturated_unit(const Exact& value) {
    if (value.kind == Kind::nan || value.negative) {
        return Exact{};
    }
    const bool above = value.kind == Kind::infinite ||
                       (value.kind == Kind::finite && to_integer(value, Round::zero, 0, 1, 0) != 0);
    return above ? exact_of(1, false) : value;
}

/// What a NaN becomes: the ISA tells the kinds apart.
i128 integer_of_nan(const Conversion& conversion) {
    const int bits = size_of(conversion.to);
    if (conversion.from != Number::f64 && bits != 64) {
        return 0;
    }
    return is_signed(conversion.to) ? lowest(conversion.to) : i128{1} << (bits - 1);
}

std::uint64_t convert_bits(const Conversion& conversion, std::uint64_t bits) {
    const bool to_real = is_real(conversion.to);
    if (!is_real(conversion.from)) {
        i128 number = integer_from(conversion.from, bits);
        if (!to_real) {
            if (conversion.saturate) {
                number = std::clamp(number, lowest(conversion.to), highest(conversion.to));
            }
            return static_cast<std::uint64_t>(
                integer_from(conversion.to, static_cast<std::uint64_t>(number)));
        }
        Exact value =
            exact_of(static_cast<std::uint64_t>(number < 0 ? -number : number), number < 0);
        value = conversion.saturate ? saturated_unit(value) : value;
        return pack(format_of(conversion.to), value, conversion.round);
    }
    if (conversion.ftz) {
        bits = flushed_bits(conversion.from, bits);
    }
    const Exact value = unpack(format_of(conversion.from), bits);
    if (!to_real) {
        return static_cast<std::uint64_t>(to_integer(
            value,
            conversion.round,
            lowest(conversion.to),
            highest(conversion.to),
            integer_of_nan(conversion)));
    }
    Exact result = conversion.integral ? to_integral(value, conversion.round) : value;
    result = conversion.saturate ? saturated_unit(result) : result;
    std::uint64_t out = pack(format_of(conversion.to), result, conversion.round);
    if (result.kind == Kind::nan && conversion.to == Number::f64) {
        out = 0x7FF8000000000000U;
    }
    return conversion.ftz ? flushed_bits(conversion.to, out) : out;
}

bool rounds_to_integer(std::string_view name) {
    return name.size() == 4 && name.back() == 'i';
}

/// The modifiers that the assembler takes with these types.
bool is_legal(const Conversion& conversion, std::string_view rounding) {
    const bool from_real = is_real(conversion.from);
    const bool to_real = is_real(conversion.to);
    const bool single = conversion.from == Number::f32 || conversion.to == Number::f32;
    const bool brain = conversion.from == Number::bf16 || conversion.to == Number::bf16;
    if ((conversion.ftz && !single) || (conversion.saturate && brain)) {
        return false;
    }
    if (!from_real && !to_real) {
        const bool fits = lowest(conversion.to) <= lowest(conversion.from) &&
                          highest(conversion.to) >= highest(conversion.from);
        return !conversion.saturate || !fits;
    }
    if (!from_real || !to_real) {
        return true;
    }
    if (conversion.integral) {
        return conversion.from == conversion.to;
    }
    // A rounding where something can be lost; bf16 may name it also where not.
    const bool same = conversion.from == conversion.to;
    const bool exact = same || conversion.to == Number::f64 ||
                       (conversion.to == Number::f32 && conversion.from != Number::f64);
    return exact ? rounding.empty() || (brain && !same) : !rounding.empty();
}

Width width_of(Number type) {
    switch (type) {
        case Number::f16:
        case Number::bf16: return Width::w16;
        case Number::f32: return Width::w32;
        case Number::f64: return Width::w64;
        default: return Width::any;
    }
}

}  // namespace

int size_of(Number type) {
    switch (type) {
        case Number::u8:
        case Number::s8: return 8;
        case Number::u16:
        case Number::s16:
        case Number::f16:
        case Number::bf16: return 16;
        case Number::u32:
        case Number::s32:
        case Number::f32: return 32;
        default: return 64;
    }
}

std::optional<Number> number_of(std::string_view name) {
    for (std::size_t i = 0; i < std::size(k_names); ++i) {
        if (k_names[i] == name) {
            return static_cast<Number>(i);
        }
    }
    return std::nullopt;
}

const Format& format_of(Number type) {
    switch (type) {
        case Number::f16: return k_f16;
        case Number::bf16: return k_bf16;
        case Number::f32: return k_f32;
        default: return k_f64;
    }
}

std::uint32_t packed_conversion(const Conversion& conversion) {
    return static_cast<std::uint32_t>(conversion.to) |
           (static_cast<std::uint32_t>(conversion.from) << 4) |
           (static_cast<std::uint32_t>(conversion.round) << 8) |
           (conversion.integral ? 0x1000U : 0U) | (conversion.ftz ? 0x2000U : 0U) |
           (conversion.saturate ? 0x4000U : 0U) | (size_of(conversion.to) == 64 ? 0x10000U : 0U) |
           (size_of(conversion.from) == 64 ? 0x20000U : 0U);
}

Conversion unpacked_conversion(std::uint32_t mods) {
    return Conversion{
        static_cast<Number>(mods & 0xFU),
        static_cast<Number>((mods >> 4) & 0xFU),
        static_cast<Round>((mods >> 8) & 0xFU),
        (mods & 0x1000U) != 0,
        (mods & 0x2000U) != 0,
        (mods & 0x4000U) != 0};
}

void convert_any(const Insn& insn, Warp& warp, Lanes active) {
    const Conversion conversion = unpacked_conversion(insn.mods);
    for (int lane = 0; lane < k_lanes; ++lane) {
        if ((active & k_lane_bit[lane]) != 0) {
            const std::uint64_t bits = load_bits(warp, insn, 1, lane);
            store_bits(warp, insn, 0, lane, convert_bits(conversion, bits));
        }
    }
}

Binding bind_cvt(const Match& match) {
    const std::optional<Number> to = number_of(match.parts[match.parts.size() - 2]);
    const std::optional<Number> from = number_of(match.parts.back());
    Binding binding;
    if (!to || !from) {
        return binding;
    }
    const std::string_view rounding = match.parts.size() > 4 ? match[1] : std::string_view{};
    Conversion conversion;
    conversion.to = *to;
    conversion.from = *from;
    conversion.round = round_of(rounding);
    conversion.integral = rounds_to_integer(rounding) && is_real(*to);
    conversion.ftz = match.has(".ftz");
    conversion.saturate = match.has(".sat");
    if (!is_legal(conversion, rounding)) {
        return binding;
    }
    const Handler fast = fast_conversion(conversion);
    binding.run = fast != nullptr ? fast : &convert_any;
    binding.work = Work::convert;
    binding.widths = {width_of(*to), width_of(*from)};
    binding.real_immediates = is_real(*from);
    binding.mods = packed_conversion(conversion);
    binding.bytes = size_of(*from) == 64 ? 8 : 4;  // of an immediate
    binding.slots_min = binding.slots_max = 2;
    return binding;
}

}  // namespace kw::emu
