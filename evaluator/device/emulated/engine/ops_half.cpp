// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/ops_half.hpp"

#include "evaluator/device/emulated/engine/bind_arithmetic.hpp"

namespace kw::emu {

namespace {

bool is_brain(std::string_view type) {
    return type.starts_with(".bf16");
}

bool is_packed(std::string_view type) {
    return type.ends_with("x2");
}

template <class Op>
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
                             : bind_narrow_as<Narrow<Op, false, Limit::none>, Half, Half, Half>(
                                   packed, Work::half, std::true_type{});
}

template <class T, bool ftz, Limit limit>
Binding bind_fma(bool packed) {
    return bind_narrow_as<Narrow<NarrowFma, ftz, limit>, T, T, T, T>(
        packed, Work::half, std::bool_constant < !ftz && limit == Limit::none > {});
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
        return narrow(
            extreme<maximum, nan, xorsign>(widen(flushed_if(ftz, a)), widen(flushed_if(ftz, b))),
            a);
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
    return match[0] == "add" ? bind_two<NarrowAdd>(match) : bind_two<NarrowSubtract>(match);
}

Binding bind_mul_half(const Match& match) {
    return bind_two<NarrowMultiply>(match);
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
