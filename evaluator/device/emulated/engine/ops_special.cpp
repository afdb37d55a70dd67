// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/ops_special.hpp"

#include "evaluator/device/emulated/engine/bind_arithmetic.hpp"
#include "evaluator/device/emulated/engine/ops_half.hpp"

namespace kw::emu {

namespace {

struct Exp2 {
    KW_LANE float operator()(float a) const {
        const auto result = static_cast<float>(exp2_of(double{a}));
        return choose(a == a, result, a);
    }
};

struct Log2 {
    KW_LANE float operator()(float a) const {
        const bool positive = a > 0.0F;
        const double x = choose(positive, double{a}, 1.0);
        const auto result = static_cast<float>(log2_of(x));
        const float infinity = float_of(0x7F800000U);
        const float edge = choose(a == 0.0F, -infinity, float_of(k_float_nan));
        return choose(positive, choose(a < infinity, result, infinity), edge);
    }
};

struct Sine {
    KW_LANE float operator()(float a) const { return static_cast<float>(sine_of(double{a}, 0)); }
};

struct Cosine {
    KW_LANE float operator()(float a) const { return static_cast<float>(sine_of(double{a}, 1)); }
};

struct Tanh {
    KW_LANE float operator()(float a) const {
        const auto result = static_cast<float>(tanh_of(double{a}));
        return choose(a == a, result, a);
    }
};

/// Op on f16 and bf16: through f32, rounded again; approximate in any case.
template <class Op, bool ftz>
struct Through {
    template <class T>
    KW_LANE T operator()(T a) const {
        return flushed_if(ftz, narrow(Op{}(widen(flushed_if(ftz, a))), a));
    }
};

template <class Op>
Binding bind_f32(const Match& match) {
    return match.has(".ftz") ? bind_map<Single<Op, true>, float, float>(Work::special, true)
                             : bind_map<Single<Op, false>, float, float>(Work::special, true);
}

template <class Op, bool ftz_brain>
Binding bind_narrow(const Match& match) {
    const std::string_view type = match.parts.back();
    const bool packed = type.ends_with("x2");
    if (type.starts_with(".bf16")) {
        return bind_narrow_as<Through<Op, ftz_brain>, Brain, Brain>(packed, Work::special);
    }
    return bind_narrow_as<Through<Op, false>, Half, Half>(packed, Work::special);
}

}  // namespace

Binding bind_special(const Match& match) {
    const std::string_view name = match[0];
    if (name == "sin") {
        return bind_f32<Sine>(match);
    }
    if (name == "cos") {
        return bind_f32<Cosine>(match);
    }
    if (name == "lg2") {
        return bind_f32<Log2>(match);
    }
    return name == "ex2" ? bind_f32<Exp2>(match) : bind_f32<Tanh>(match);
}

Binding bind_special_half(const Match& match) {
    return match[0] == "ex2" ? bind_narrow<Exp2, true>(match) : bind_narrow<Tanh, false>(match);
}

}  // namespace kw::emu
