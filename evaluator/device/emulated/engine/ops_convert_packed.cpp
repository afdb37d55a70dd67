// SPDX-License-Identifier: Apache-2.0
// cvt to and from packed and 8-bit types, tf32, cvt.pack.
#include "evaluator/device/emulated/engine/bind_convert.hpp"
#include "evaluator/device/emulated/engine/fp8.hpp"
#include "evaluator/device/emulated/engine/ops_half.hpp"
#include "evaluator/device/emulated/engine/ops_half_modern.hpp"
#include "evaluator/device/emulated/engine/rounding.hpp"

#include <algorithm>

namespace kw::emu {

namespace {

enum : std::uint32_t { k_relu = 1, k_satfinite = 2, k_zero = 4, k_brain = 8, k_away = 16 };

/// f32 to 16 bits with .rz, .relu, .satfinite, all of them optional.
std::uint32_t narrowed(std::uint32_t bits, std::uint32_t mods) {
    const bool brain = (mods & k_brain) != 0;
    const Format& format = brain ? k_bf16 : k_f16;
    const Exact value = unpack(k_f32, bits);
    const std::uint64_t largest = brain ? 0x7F7F : 0x7BFF;
    std::uint64_t result = pack(format, value, (mods & k_zero) != 0 ? Round::zero : Round::nearest);
    const bool nan = value.kind == Kind::nan;
    if ((mods & k_satfinite) != 0 && !nan && (result & 0x7FFFU) > largest) {
        result = (result & 0x8000U) | largest;
    }
    if ((mods & k_relu) != 0 && !nan && (result & 0x8000U) != 0) {
        result = 0;
    }
    return static_cast<std::uint32_t>(result);
}

template <bool packed>
void run_narrow(const Insn& insn, Warp& warp, Lanes active) {
    const std::uint32_t* const a = warp.lanes<std::uint32_t>(insn.slot[1]);
    const std::uint32_t* const b = warp.lanes<std::uint32_t>(insn.slot[packed ? 2 : 1]);
    std::uint32_t* const to = warp.lanes<std::uint32_t>(insn.slot[0]);
    for (int i = 0; i < k_lanes; ++i) {
        if ((active & k_lane_bit[i]) != 0) {
            const std::uint32_t high = packed ? narrowed(a[i], insn.mods) << 16 : 0;
            to[i] = high | narrowed(packed ? b[i] : a[i], insn.mods);
        }
    }
}

/// The first operand goes to the upper half.
struct PackHalves {
    KW_LANE std::uint32_t operator()(float a, float b) const {
        return (std::uint32_t{narrow_half(a).bits} << 16) | narrow_half(b).bits;
    }
};

struct PackBrains {
    KW_LANE std::uint32_t operator()(float a, float b) const {
        return (std::uint32_t{narrow_brain(a).bits} << 16) | narrow_brain(b).bits;
    }
};

void run_tf32(const Insn& insn, Warp& warp, Lanes active) {
    constexpr Format k_tf32{11, -126, 19};
    constexpr std::uint64_t largest = 0x3FBFF;
    const std::uint32_t* const a = warp.lanes<std::uint32_t>(insn.slot[1]);
    std::uint32_t* const to = warp.lanes<std::uint32_t>(insn.slot[0]);
    const Round round = (insn.mods & k_away) != 0   ? Round::away
                        : (insn.mods & k_zero) != 0 ? Round::zero
                                                    : Round::nearest;
    for (int i = 0; i < k_lanes; ++i) {
        if ((active & k_lane_bit[i]) == 0) {
            continue;
        }
        const Exact value = unpack(k_f32, a[i]);
        if (value.kind == Kind::nan) {
            to[i] = k_float_nan;
            continue;
        }
        std::uint64_t bits = pack(k_tf32, value, round);
        if ((insn.mods & k_satfinite) != 0 && (bits & 0x3FFFFU) > largest) {
            bits = (bits & 0x40000U) | largest;
        }
        const bool negative = (bits & 0x40000U) != 0;
        to[i] = (insn.mods & k_relu) != 0 && negative ? 0U : static_cast<std::uint32_t>(bits << 13);
    }
}

template <bool relu_too>
KW_LANE inline float positive_part(float a) {
    // A NaN stays: it is not below zero. -0 becomes 0 as well.
    return relu_too && (bits_of(a) >> 31) != 0 && a == a ? 0.0F : a;
}

template <Small format, bool relu_too>
struct SmallFromFloat {
    KW_LANE std::uint16_t operator()(float a, float b) const {
        return static_cast<std::uint16_t>(
            (narrow_small<format>(positive_part<relu_too>(a)) << 8) |
            narrow_small<format>(positive_part<relu_too>(b)));
    }
};

template <Small format, bool relu_too>
struct SmallFromHalves {
    KW_LANE std::uint16_t operator()(std::uint32_t a) const {
        return SmallFromFloat<format, relu_too>{}(
            widen(from_lane<Half>(a >> 16)), widen(from_lane<Half>(a)));
    }
};

template <bool e4m3, bool relu_too>
struct HalvesFromSmall {
    KW_LANE std::uint32_t operator()(std::uint16_t a) const {
        const std::uint32_t bits = a;
        Half low = e4m3 ? half_of_e4m3(bits & 0xFFU) : half_of_e5m2(bits & 0xFFU);
        Half high = e4m3 ? half_of_e4m3(bits >> 8) : half_of_e5m2(bits >> 8);
        if constexpr (relu_too) {
            low = relu(low);
            high = relu(high);
        }
        return low.bits | (std::uint32_t{high.bits} << 16);
    }
};

template <Small format, bool relu_too>
Binding bind_small(bool from_halves) {
    return from_halves ? bind_map<SmallFromHalves<format, relu_too>, std::uint16_t, std::uint32_t>(
                             Work::convert)
                       : bind_map<SmallFromFloat<format, relu_too>, std::uint16_t, float, float>(
                             Work::convert, true);
}

/// mods: bits of an element, and whether it is signed.
enum : std::uint32_t { k_signed = 0x100 };

void run_pack(const Insn& insn, Warp& warp, Lanes active) {
    const std::uint32_t bits = insn.mods & 0xFFU;
    const bool with_sign = (insn.mods & k_signed) != 0;
    const std::int64_t low = with_sign ? -(std::int64_t{1} << (bits - 1)) : 0;
    const std::int64_t high = (std::int64_t{1} << (bits - (with_sign ? 1U : 0U))) - 1;
    const std::uint32_t mask = (1U << bits) - 1U;
    const auto* const a = warp.lanes<std::uint32_t>(insn.slot[1]);
    const auto* const b = warp.lanes<std::uint32_t>(insn.slot[2]);
    const auto* const c = insn.slots > 3 ? warp.lanes<std::uint32_t>(insn.slot[3]) : nullptr;
    auto* const to = warp.lanes<std::uint32_t>(insn.slot[0]);
    const auto cut = [&](std::uint32_t value) {
        const std::int64_t number = static_cast<std::int32_t>(value);
        return static_cast<std::uint32_t>(std::clamp(number, low, high)) & mask;
    };
    for (int i = 0; i < k_lanes; ++i) {
        if ((active & k_lane_bit[i]) != 0) {
            const std::uint32_t above = c != nullptr ? c[i] << (2 * bits) : 0U;
            to[i] = above | (cut(a[i]) << bits) | cut(b[i]);
        }
    }
}

}  // namespace

Binding bind_cvt_narrow(const Match& match) {
    const std::string_view type = match[4];
    const bool packed = type.ends_with("x2");
    const bool brain = type.starts_with(".bf16");
    if (packed && match[1] == ".rn" && match[2].empty() && match[3].empty()) {
        if (brain) {
            return bind_map<PackBrains, std::uint32_t, float, float>(Work::convert, true);
        }
        Binding binding = bind_plain<PackHalves, std::uint32_t, float, float>(Work::convert, true);
        const Handler modern = modern_half(HalfForm::pack, true);
        binding.run = modern != nullptr ? modern : binding.run;
        return binding;
    }
    Binding binding;
    binding.run = packed ? &run_narrow<true> : &run_narrow<false>;
    binding.work = Work::convert;
    binding.widths = {packed ? Width::w32 : Width::w16, Width::w32};
    binding.real_immediates = true;
    binding.mods = (match[1] == ".rz" ? k_zero : 0U) | (match[2].empty() ? 0U : k_relu) |
                   (match[3].empty() ? 0U : k_satfinite) | (brain ? k_brain : 0U);
    binding.slots_min = binding.slots_max = packed ? 3 : 2;
    return binding;
}

Binding bind_cvt_tf32(const Match& match) {
    Binding binding;
    const bool away = match[1] == ".rna";
    if (away && match.has(".relu")) {
        return binding;
    }
    binding.run = &run_tf32;
    binding.work = Work::convert;
    binding.widths = {Width::w32};
    binding.real_immediates = true;
    binding.mods = (away ? k_away : 0U) | (match[1] == ".rz" ? k_zero : 0U) |
                   (match.has(".relu") ? k_relu : 0U) |
                   (match.has(".satfinite") ? k_satfinite : 0U);
    binding.slots_min = binding.slots_max = 2;
    return binding;
}

Binding bind_cvt_to_fp8(const Match& match) {
    const bool relu_too = !match[1].empty();
    const bool from_halves = match[3] == ".f16x2";
    if (match[2] == ".e4m3x2") {
        return relu_too ? bind_small<k_e4m3, true>(from_halves)
                        : bind_small<k_e4m3, false>(from_halves);
    }
    return relu_too ? bind_small<k_e5m2, true>(from_halves)
                    : bind_small<k_e5m2, false>(from_halves);
}

Binding bind_cvt_from_fp8(const Match& match) {
    const auto pick = []<class Op>(Op) {
        return bind_map<Op, std::uint32_t, std::uint16_t>(Work::convert);
    };
    if (match[2] == ".e4m3x2") {
        return match[1].empty() ? pick(HalvesFromSmall<true, false>{})
                                : pick(HalvesFromSmall<true, true>{});
    }
    return match[1].empty() ? pick(HalvesFromSmall<false, false>{})
                            : pick(HalvesFromSmall<false, true>{});
}

Binding bind_cvt_pack(const Match& match) {
    const std::string_view type = match[1];
    Binding binding;
    const bool two = type.ends_with("16");
    if (two != match[2].empty()) {
        return binding;
    }
    binding.run = &run_pack;
    binding.work = Work::convert;
    binding.widths = {Width::w32};
    binding.mods =
        (two ? 16U : static_cast<std::uint32_t>(type[2] - '0')) | (type[1] == 's' ? k_signed : 0U);
    binding.slots_min = binding.slots_max = two ? 3 : 4;
    return binding;
}

}  // namespace kw::emu
