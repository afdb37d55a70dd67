// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/ops_half.hpp"

#include "evaluator/device/emulated/engine/bind_arithmetic.hpp"
#include "evaluator/device/emulated/engine/ops_half_modern.hpp"

namespace kw::emu {

namespace {

bool is_brain(std::string_view type) {
    return type.starts_with(".bf16");
}

bool is_packed(std::string_view type) {
    return type.ends_with("x2");
}

/// The plain forms of f16, which the processor may know itself.
Binding with_modern(Binding binding, HalfForm form, bool packed) {
    if (const Handler modern = modern_half(form, packed)) {
        binding.run = modern;
    }
    return binding;
}

template <class Op, HalfForm form>
Binding bind_two(const Match& match) {
    const std::string_view type = match.parts.back();
    const bool packed = is_packed(type);
    if (is_brain(type)) {
        return bind_narrow_as<Narrow<Op, false, Limit::none>, Brain, Brain, Brain>(
            packed, Work::half, std::true_type{});
    }
    if (match.has(".ftz")) {
        return match.has(".sat")
                   ? bind_narrow_as<Narrow<Op, true, Limit::saturate>, Half, Half, Half>(
                         packed, Work::half)
                   : bind_narrow_as<Narrow<Op, true, Limit::none>, Half, Half, Half>(
                         packed, Work::half);
    }
    return match.has(".sat") ? bind_narrow_as<Narrow<Op, false, Limit::saturate>, Half, Half, Half>(
                                   packed, Work::half)
                             : with_modern(
                                   bind_narrow_as<Narrow<Op, false, Limit::none>, Half, Half, Half>(
                                       packed, Work::half),
                                   form,
                                   packed);
}

/// bf16 a * b + c in f32 where its exponents reach: the product is exact there, and the sum goes to
/// odd. `beyond` becomes nonzero where they may not: tiny or huge products, infinities, NaNs.
KW_LANE inline std::uint32_t brain_fma_within(Brain a, Brain b, Brain c, std::uint32_t& beyond) {
    const float x = widen(a);
    const float y = widen(b);
    const float product = x * y;
    const std::uint32_t size = bits_of(product) & 0x7FFFFFFFU;
    const bool zero = (((a.bits & 0x7FFFU) == 0) | ((b.bits & 0x7FFFU) == 0));
    const bool within = (size >= 0x0D800000U) & (size < 0x7F800000U);
    beyond |= static_cast<std::uint32_t>(!(within | (zero & (size == 0))));
    return narrow_brain(add_to_odd(product, widen(c))).bits;
}

template <bool packed>
struct BrainFma {
    using Value = std::conditional_t<packed, std::uint32_t, Brain>;
    using Op = Narrow<NarrowFma, false, Limit::none>;
    using Slow = Map<std::conditional_t<packed, Both<Op, Brain>, Op>, Value, Value, Value, Value>;

    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& warp, Lanes active) {
        const std::uint32_t* const a = warp.lanes<std::uint32_t>(insn.slot[1]);
        const std::uint32_t* const b = warp.lanes<std::uint32_t>(insn.slot[2]);
        const std::uint32_t* const c = warp.lanes<std::uint32_t>(insn.slot[3]);
        alignas(64) std::uint32_t out[k_lanes];
        std::uint32_t beyond = 0;
        for (int i = 0; i < k_lanes; ++i) {
            out[i] = brain_fma_within(
                from_lane<Brain>(a[i]), from_lane<Brain>(b[i]), from_lane<Brain>(c[i]), beyond);
        }
        for (int i = 0; packed && i < k_lanes; ++i) {
            out[i] |= brain_fma_within(
                          from_lane<Brain>(a[i] >> 16),
                          from_lane<Brain>(b[i] >> 16),
                          from_lane<Brain>(c[i] >> 16),
                          beyond)
                      << 16;
        }
        if (beyond != 0) {
            slowly<Isa>(insn, warp, active);
        } else {
            copy_active(warp.lanes<std::uint32_t>(insn.slot[0]), out, active);
        }
    }

private:
    template <class Isa>
    KW_LANE static void slowly(const Insn& insn, Warp& warp, Lanes active) {
        Slow::template run<Isa>(insn, warp, active);
    }
};

template <class T, bool ftz, Limit limit>
Binding bind_fma(bool packed) {
    constexpr bool plain = !ftz && limit == Limit::none;
    constexpr bool brain = std::is_same_v<T, Brain>;
    Binding binding = bind_narrow_as<Narrow<NarrowFma, ftz, limit>, T, T, T, T>(packed, Work::half);
    if constexpr (plain && brain) {
        binding.run = packed ? handler<BrainFma<true>>() : handler<BrainFma<false>>();
        return binding;
    }
    return plain ? with_modern(binding, HalfForm::fma, packed) : binding;
}

template <class T, bool ftz>
Binding bind_fma_limited(const Match& match, bool packed) {
    if (match.has(".relu")) {
        return bind_fma<T, ftz, Limit::relu>(packed);
    }
    if constexpr (std::is_same_v<T, Half>) {
        if (match.has(".sat")) {
            return bind_fma<T, ftz, Limit::saturate>(packed);
        }
    }
    return bind_fma<T, ftz, Limit::none>(packed);
}

template <bool negate, bool ftz>
struct SignOnly {
    template <class T>
    KW_LANE T operator()(T a) const {
        const unsigned bits = flushed_if(ftz, a).bits;
        return {static_cast<std::uint16_t>(negate ? bits ^ 0x8000U : bits & 0x7FFFU)};
    }
};

template <bool negate>
Binding bind_sign(const Match& match) {
    const std::string_view type = match.parts.back();
    const bool packed = is_packed(type);
    if (is_brain(type)) {
        return bind_narrow_as<SignOnly<negate, false>, Brain, Brain>(packed, Work::half);
    }
    return match.has(".ftz")
               ? bind_narrow_as<SignOnly<negate, true>, Half, Half>(packed, Work::half)
               : bind_narrow_as<SignOnly<negate, false>, Half, Half>(packed, Work::half);
}

template <bool maximum, bool nan, bool xorsign, bool ftz>
struct NarrowExtreme {
    template <class T>
    KW_LANE T operator()(T a, T b) const {
        constexpr std::uint32_t infinity = std::is_same_v<T, Half> ? 0x7C00U : 0x7F80U;
        return {static_cast<std::uint16_t>(extreme_bits<maximum, nan, xorsign>(
            flushed_if(ftz, a).bits, flushed_if(ftz, b).bits, infinity))};
    }
};

template <bool maximum, bool nan, bool xorsign>
Binding bind_extreme_of(const Match& match) {
    const std::string_view type = match.parts.back();
    const bool packed = is_packed(type);
    if (is_brain(type)) {
        return bind_narrow_as<NarrowExtreme<maximum, nan, xorsign, false>, Brain, Brain, Brain>(
            packed, Work::half, std::bool_constant < !nan && !xorsign > {});
    }
    return match.has(".ftz")
               ? bind_narrow_as<NarrowExtreme<maximum, nan, xorsign, true>, Half, Half, Half>(
                     packed, Work::half)
               : bind_narrow_as<NarrowExtreme<maximum, nan, xorsign, false>, Half, Half, Half>(
                     packed, Work::half, std::bool_constant < !nan && !xorsign > {});
}

template <bool maximum>
Binding bind_extreme(const Match& match) {
    if (match.has(".NaN")) {
        return match.has(".xorsign.abs") ? bind_extreme_of<maximum, true, true>(match)
                                         : bind_extreme_of<maximum, true, false>(match);
    }
    return match.has(".xorsign.abs") ? bind_extreme_of<maximum, false, true>(match)
                                     : bind_extreme_of<maximum, false, false>(match);
}

}  // namespace

Binding bind_add_half(const Match& match) {
    return match[0] == "add" ? bind_two<NarrowAdd, HalfForm::add>(match)
                             : bind_two<NarrowSubtract, HalfForm::subtract>(match);
}

Binding bind_mul_half(const Match& match) {
    return bind_two<NarrowMultiply, HalfForm::multiply>(match);
}

Binding bind_fma_half(const Match& match) {
    const std::string_view type = match.parts.back();
    const bool packed = is_packed(type);
    if (is_brain(type)) {
        return bind_fma_limited<Brain, false>(match, packed);
    }
    return match.has(".ftz") ? bind_fma_limited<Half, true>(match, packed)
                             : bind_fma_limited<Half, false>(match, packed);
}

Binding bind_abs_half(const Match& match) {
    return match[0] == "abs" ? bind_sign<false>(match) : bind_sign<true>(match);
}

Binding bind_minmax_half(const Match& match) {
    return match[0] == "max" ? bind_extreme<true>(match) : bind_extreme<false>(match);
}

}  // namespace kw::emu
