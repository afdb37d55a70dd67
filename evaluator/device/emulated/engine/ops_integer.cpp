// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/ops_integer.hpp"

#include "evaluator/device/emulated/engine/bind_arithmetic.hpp"

namespace kw::emu {

namespace {

/// d, a, b of one type.
template <class Op, class T>
Binding bind_two(Work work = Work::integer) {
    // Only vectors of 32-bit lanes gain from more than the baseline.
    if constexpr (sizeof(T) == 4) {
        return bind_map<Op, T, T, T>(work);
    } else {
        return bind_plain<Op, T, T, T>(work);
    }
}

/// As unsigned numbers: for operations where the sign of the type makes no difference.
template <class Op>
Binding bind_modular(std::string_view type, Work work = Work::integer) {
    return with_bits(type, [work](auto t) { return bind_two<Op, decltype(t)>(work); });
}

template <class Op>
Binding bind_signed(std::string_view type, Work work = Work::integer) {
    return with_integer(type, [work](auto t) { return bind_two<Op, decltype(t)>(work); });
}

template <class Op>
Binding bind_one(std::string_view type) {
    return with_integer(
        type, [](auto t) { return bind_plain<Op, decltype(t), decltype(t)>(Work::integer); });
}

template <class Op>
Binding bind_halves(std::string_view type) {
    return type == ".u16x2"
               ? bind_plain<Halves<Op, std::uint16_t>, std::uint32_t, std::uint32_t, std::uint32_t>(
                     Work::integer)
               : bind_plain<Halves<Op, std::int16_t>, std::uint32_t, std::uint32_t, std::uint32_t>(
                     Work::integer);
}

template <class Op>
Binding bind_three(std::string_view type, Work work) {
    return with_integer(type, [work](auto t) {
        using T = decltype(t);
        // Only 32-bit products gain from more than the baseline.
        if constexpr (sizeof(T) == 4) {
            return bind_map<Op, T, T, T, T>(work);
        } else {
            return bind_plain<Op, T, T, T, T>(work);
        }
    });
}

template <class Op>
Binding bind_extreme(const Match& match) {
    const bool relu = match.has(".relu");
    const std::string_view last = match.parts.back();
    const std::string_view type = last == ".relu" ? match[1] : last;
    if (type.ends_with("x2")) {
        return relu ? bind_halves<Relu<Op>>(type) : bind_halves<Op>(type);
    }
    return relu ? bind_two<Relu<Op>, std::int32_t>() : bind_signed<Op>(type);
}

template <template <class, class> class Dot>
Binding bind_dot(std::string_view a, std::string_view b) {
    using U = std::uint8_t;
    using S = std::int8_t;
    const auto bind = []<class Op>(Op) {
        return bind_map<Op, std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>(
            Work::multiply_add);
    };
    if (a == ".u32") {
        return b == ".u32" ? bind(Dot<U, U>{}) : bind(Dot<U, S>{});
    }
    return b == ".u32" ? bind(Dot<S, U>{}) : bind(Dot<S, S>{});
}

template <unsigned first>
Binding bind_dot2(std::string_view a, std::string_view b) {
    using U = std::uint16_t;
    using S = std::int16_t;
    using UB = std::uint8_t;
    using SB = std::int8_t;
    const auto bind = []<class Op>(Op) {
        return bind_map<Op, std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>(
            Work::multiply_add);
    };
    if (a == ".u32") {
        return b == ".u32" ? bind(Dot2<U, UB, first>{}) : bind(Dot2<U, SB, first>{});
    }
    return b == ".u32" ? bind(Dot2<S, UB, first>{}) : bind(Dot2<S, SB, first>{});
}

}  // namespace

Binding bind_add_integer(const Match& match) {
    const std::string_view type = match.parts.back();
    const bool subtract = match[0] == "sub";
    if (match.has(".sat")) {
        return subtract ? bind_two<SubtractSaturating, std::int32_t>()
                        : bind_two<AddSaturating, std::int32_t>();
    }
    if (type.ends_with("x2")) {
        return bind_halves<Add>(type);
    }
    return subtract ? bind_modular<Subtract>(type) : bind_modular<Add>(type);
}

Binding bind_mul_integer(const Match& match) {
    const std::string_view type = match[2];
    if (match[1] == ".lo") {
        return bind_modular<MultiplyLow>(type, Work::multiply_add);
    }
    if (match[1] == ".hi") {
        return bind_signed<MultiplyHigh>(type, Work::multiply_add);
    }
    return with_integer(type, [](auto t) -> Binding {
        using T = decltype(t);
        if constexpr (sizeof(T) == 8) {
            return {};
        } else {
            return bind_map<MultiplyWide, Twice<T>, T, T>(Work::multiply_add);
        }
    });
}

Binding bind_mad_integer(const Match& match) {
    const std::string_view type = match[2];
    if (match[1] == ".lo") {
        return bind_three<MadLow>(type, Work::multiply_add);
    }
    if (match[1] == ".hi") {
        return bind_three<MadHigh>(type, Work::multiply_add);
    }
    return with_integer(type, [](auto t) -> Binding {
        using T = decltype(t);
        if constexpr (sizeof(T) == 8) {
            return {};
        } else {
            return bind_map<MadWide, Twice<T>, T, T, Twice<T>>(Work::multiply_add);
        }
    });
}

Binding bind_mad_saturating(const Match& match) {
    using S = std::int32_t;
    return match[0] == "mad" ? bind_plain<MadHighSaturating, S, S, S, S>(Work::multiply_add)
                             : bind_plain<Mad24HighSaturating, S, S, S, S>(Work::multiply_add);
}

Binding bind_mul24(const Match& match) {
    const auto pick = [&match]<class T>(T) {
        return match[1] == ".lo" ? bind_two<Multiply24Low, T>(Work::multiply_add)
                                 : bind_two<Multiply24High, T>(Work::multiply_add);
    };
    return match[2] == ".u32" ? pick(std::uint32_t{}) : pick(std::int32_t{});
}

Binding bind_mad24(const Match& match) {
    const auto pick = [&match]<class T>(T) {
        return match[1] == ".lo" ? bind_plain<Mad24Low, T, T, T, T>(Work::multiply_add)
                                 : bind_plain<Mad24High, T, T, T, T>(Work::multiply_add);
    };
    return match[2] == ".u32" ? pick(std::uint32_t{}) : pick(std::int32_t{});
}

Binding bind_sad(const Match& match) {
    return bind_three<SumOfDifference>(match[1], Work::integer);
}

Binding bind_div_integer(const Match& match) {
    return match[0] == "div" ? bind_signed<Divide>(match[1], Work::divide)
                             : bind_signed<Remainder>(match[1], Work::divide);
}

Binding bind_abs_integer(const Match& match) {
    return match[0] == "abs" ? bind_one<Absolute>(match[1]) : bind_one<Negate>(match[1]);
}

Binding bind_minmax_integer(const Match& match) {
    return match[0] == "min" ? bind_extreme<Minimum>(match) : bind_extreme<Maximum>(match);
}

Binding bind_dp4a(const Match& match) {
    return bind_dot<Dot4>(match[1], match[2]);
}

Binding bind_vabsdiff4(const Match& match) {
    using U = std::uint8_t;
    using S = std::int8_t;
    const auto pick = [&match]<class A, class B>(A, B) {
        using Word = std::uint32_t;
        return match[4].empty()
                   ? bind_plain<ByteDifferences<A, B, false>, Word, Word, Word, Word>(Work::integer)
                   : bind_plain<ByteDifferences<A, B, true>, Word, Word, Word, Word>(Work::integer);
    };
    if (match[2] == ".u32") {
        return match[3] == ".u32" ? pick(U{}, U{}) : pick(U{}, S{});
    }
    return match[3] == ".u32" ? pick(S{}, U{}) : pick(S{}, S{});
}

Binding bind_dp2a(const Match& match) {
    return match[1] == ".lo" ? bind_dot2<0>(match[2], match[3]) : bind_dot2<2>(match[2], match[3]);
}

}  // namespace kw::emu
