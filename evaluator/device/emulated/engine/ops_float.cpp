// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/ops_float.hpp"

#include "evaluator/device/emulated/engine/bind_arithmetic.hpp"
#include "evaluator/device/emulated/engine/ops_float_rounded.hpp"

namespace kw::emu {

namespace {

template <class Op, class... A>
Binding bind_single(bool ftz, Work work) {
    return ftz ? bind_map<Single<Op, true>, float, A...>(work, true)
               : bind_map<Single<Op, false>, float, A...>(work, true);
}

/// Binary operation of f32 or f64; anything but plain rounding to nearest is done exactly.
template <class Op>
Binding bind_two(const Match& match, Arithmetic arithmetic, Work work) {
    const Round round = round_of(match[1]);
    if (match.has(".f64")) {
        return round == Round::nearest
                   ? bind_map<Op, double, double, double>(Work::double_precision, true)
                   : bind_rounded_f64(arithmetic, round);
    }
    if (round != Round::nearest || match.has(".sat")) {
        return bind_rounded_f32(arithmetic, round, match.has(".ftz"), match.has(".sat"));
    }
    return bind_single<Op, float, float>(match.has(".ftz"), work);
}

template <bool maximum, bool nan, bool xorsign>
struct Extreme {
    KW_LANE float operator()(float a, float b) const {
        return extreme<maximum, nan, xorsign>(a, b);
    }
};

template <bool maximum, bool nan, bool xorsign>
struct ExtremeFlushed {
    KW_LANE float operator()(float a, float b) const {
        return extreme<maximum, nan, xorsign>(flushed(a), flushed(b));
    }
};

template <bool maximum>
struct ExtremeDouble {
    KW_LANE double operator()(double a, double b) const {
        return settle_nan(extreme_number<maximum>(a, b), a, b);
    }
};

template <bool maximum, bool nan, bool absolute>
struct ExtremeOfThree {
    KW_LANE float operator()(float a, float b, float c) const {
        if constexpr (absolute) {
            a = magnitude_of(a);
            b = magnitude_of(b);
            c = magnitude_of(c);
        }
        return extreme<maximum, nan, false>(extreme<maximum, nan, false>(a, b), c);
    }
};

template <bool maximum, bool nan, bool absolute>
struct ExtremeOfThreeFlushed {
    KW_LANE float operator()(float a, float b, float c) const {
        return ExtremeOfThree<maximum, nan, absolute>{}(flushed(a), flushed(b), flushed(c));
    }
};

template <bool maximum, bool nan, bool xorsign>
Binding bind_extreme_of(bool ftz) {
    return ftz ? bind_plain<ExtremeFlushed<maximum, nan, xorsign>, float, float, float>(
                     Work::integer, true)
               : bind_plain<Extreme<maximum, nan, xorsign>, float, float, float>(
                     Work::integer, true);
}

template <bool maximum>
Binding bind_extreme(const Match& match) {
    const bool ftz = match.has(".ftz");
    if (match.has(".NaN")) {
        return match.has(".xorsign.abs") ? bind_extreme_of<maximum, true, true>(ftz)
                                         : bind_extreme_of<maximum, true, false>(ftz);
    }
    return match.has(".xorsign.abs") ? bind_extreme_of<maximum, false, true>(ftz)
                                     : bind_extreme_of<maximum, false, false>(ftz);
}

/// Two operands or three: the handler of two looks at the slots.
template <bool maximum, bool nan, bool absolute, bool ftz>
struct TwoOrThree {
    using Two = std::conditional_t<
        ftz,
        Map<ExtremeFlushed<maximum, nan, false>, float, float, float>,
        Map<Extreme<maximum, nan, false>, float, float, float>>;
    using Three = std::conditional_t<
        ftz,
        Map<ExtremeOfThreeFlushed<maximum, nan, absolute>, float, float, float, float>,
        Map<ExtremeOfThree<maximum, nan, absolute>, float, float, float, float>>;

    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& warp, Lanes active) {
        if (insn.slots == 4) {
            Three::template run<Isa>(insn, warp, active);
        } else {
            Two::template run<Isa>(insn, warp, active);
        }
    }
};

template <bool maximum, bool nan, bool absolute>
Binding bind_two_or_three(bool ftz) {
    Binding binding;
    binding.run = ftz ? handler<TwoOrThree<maximum, nan, absolute, true>>()
                      : handler<TwoOrThree<maximum, nan, absolute, false>>();
    binding.work = Work::integer;
    binding.widths = {Width::w32};
    binding.real_immediates = true;
    binding.slots_min = absolute ? 4 : 3;
    binding.slots_max = 4;
    return binding;
}

template <bool maximum>
Binding bind_f32_extreme(const Match& match) {
    if (match.has(".xorsign.abs")) {
        return bind_extreme<maximum>(match);
    }
    const bool ftz = match.has(".ftz");
    if (match.has(".NaN")) {
        return match.has(".abs") ? bind_two_or_three<maximum, true, true>(ftz)
                                 : bind_two_or_three<maximum, true, false>(ftz);
    }
    return match.has(".abs") ? bind_two_or_three<maximum, false, true>(ftz)
                             : bind_two_or_three<maximum, false, false>(ftz);
}

struct AbsoluteReal {
    KW_LANE float operator()(float a) const { return magnitude_of(a); }
    KW_LANE double operator()(double a) const {
        return double_of(bits_of(a) & ~(std::uint64_t{1} << 63));
    }
};

struct NegateReal {
    KW_LANE float operator()(float a) const { return float_of(bits_of(a) ^ 0x80000000U); }
    KW_LANE double operator()(double a) const {
        return double_of(bits_of(a) ^ (std::uint64_t{1} << 63));
    }
};

template <class Op>
struct Flush {
    KW_LANE float operator()(float a) const { return Op{}(flushed(a)); }
};

/// The sign of the first with the magnitude of the second.
struct CopySign {
    KW_LANE float operator()(float a, float b) const {
        return float_of((bits_of(a) & 0x80000000U) | (bits_of(b) & 0x7FFFFFFFU));
    }
    KW_LANE double operator()(double a, double b) const {
        constexpr std::uint64_t sign = std::uint64_t{1} << 63;
        return double_of((bits_of(a) & sign) | (bits_of(b) & ~sign));
    }
};

/// rcp.approx.ftz.f64 and rsqrt.approx.ftz.f64: the low half of operand and result is zero, and
/// subnormals are zeros.
template <class Op>
struct Coarse {
    KW_LANE double operator()(double a) const {
        const std::uint64_t high = bits_of(a) & 0xFFFFFFFF00000000U;
        const bool nan = a != a;
        const double operand = nan ? a : cut(high);
        return nan ? double_of(0x7FFFFFFF00000000U) : cut(bits_of(Op{}(operand)));
    }

private:
    KW_LANE static double cut(std::uint64_t bits) {
        const std::uint64_t high = bits & 0xFFFFFFFF00000000U;
        const bool small = (high & 0x7FF0000000000000U) == 0;
        return double_of(small ? high & (std::uint64_t{1} << 63) : high);
    }
};

}  // namespace

Binding bind_add_real(const Match& match) {
    return match[0] == "add"
               ? bind_two<RealAdd>(match, Arithmetic::add, Work::multiply_add)
               : bind_two<RealSubtract>(match, Arithmetic::subtract, Work::multiply_add);
}

Binding bind_mul_real(const Match& match) {
    return bind_two<RealMultiply>(match, Arithmetic::multiply, Work::multiply_add);
}

Binding bind_fma_real(const Match& match) {
    const Round round = round_of(match[1]);
    if (match.has(".f64")) {
        return round == Round::nearest
                   ? bind_map<RealFma, double, double, double, double>(Work::double_precision, true)
                   : bind_rounded_f64(Arithmetic::fma, round);
    }
    if (round != Round::nearest || match.has(".sat")) {
        return bind_rounded_f32(Arithmetic::fma, round, match.has(".ftz"), match.has(".sat"));
    }
    return bind_single<RealFma, float, float, float>(match.has(".ftz"), Work::multiply_add);
}

Binding bind_div_real(const Match& match) {
    if (match[1] == ".approx") {
        return bind_single<DivideApproximate, float, float>(match.has(".ftz"), Work::divide);
    }
    if (match[1] == ".full") {
        return bind_single<RealDivide, float, float>(match.has(".ftz"), Work::divide);
    }
    return bind_two<RealDivide>(match, Arithmetic::divide, Work::divide);
}

Binding bind_unary_real(const Match& match) {
    const bool root = match[0] == "sqrt";
    const bool ftz = match.has(".ftz");
    const bool approximate = match[1] == ".approx";
    const Round round = round_of(match[1]);
    const Arithmetic arithmetic = root ? Arithmetic::square_root : Arithmetic::reciprocal;
    const Work work = approximate ? Work::special : Work::divide;
    if (match.has(".f64")) {
        if (approximate) {
            return bind_plain<Coarse<Reciprocal>, double, double>(Work::double_precision, true);
        }
        if (round != Round::nearest) {
            return bind_rounded_f64(arithmetic, round);
        }
        return root ? bind_map<SquareRoot, double, double>(Work::double_precision, true)
                    : bind_map<Reciprocal, double, double>(Work::double_precision, true);
    }
    if (round != Round::nearest) {
        return bind_rounded_f32(arithmetic, round, ftz, false);
    }
    return root ? bind_single<SquareRoot, float>(ftz, work)
                : bind_single<Reciprocal, float>(ftz, work);
}

Binding bind_rsqrt(const Match& match) {
    const bool ftz = match.has(".ftz");
    if (match.has(".f64")) {
        return ftz ? bind_plain<Coarse<ReciprocalRoot>, double, double>(
                         Work::double_precision, true)
                   : bind_map<ReciprocalRoot, double, double>(Work::double_precision, true);
    }
    return bind_single<ReciprocalRoot, float>(ftz, Work::special);
}

Binding bind_abs_real(const Match& match) {
    const auto pick = [&match]<class Op>(Op) {
        if (match.has(".f64")) {
            return bind_plain<Op, double, double>(Work::double_precision, true);
        }
        return match.has(".ftz") ? bind_plain<Flush<Op>, float, float>(Work::integer, true)
                                 : bind_plain<Op, float, float>(Work::integer, true);
    };
    return match[0] == "abs" ? pick(AbsoluteReal{}) : pick(NegateReal{});
}

Binding bind_minmax_real(const Match& match) {
    const bool maximum = match[0] == "max";
    if (match.has(".f64")) {
        return maximum ? bind_plain<ExtremeDouble<true>, double, double, double>(
                             Work::double_precision, true)
                       : bind_plain<ExtremeDouble<false>, double, double, double>(
                             Work::double_precision, true);
    }
    return maximum ? bind_f32_extreme<true>(match) : bind_f32_extreme<false>(match);
}

Binding bind_copysign(const Match& match) {
    return match[1] == ".f32" ? bind_plain<CopySign, float, float, float>(Work::integer, true)
                              : bind_plain<CopySign, double, double, double>(Work::integer, true);
}

}  // namespace kw::emu
