// SPDX-License-Identifier: Apache-2.0
// The conversions kernels are full of, vectorised.
#include "evaluator/device/emulated/engine/bind_types.hpp"
#include "evaluator/device/emulated/engine/half.hpp"
#include "evaluator/device/emulated/engine/ops_convert.hpp"
#include "evaluator/device/emulated/engine/ops_float.hpp"
#include "evaluator/device/emulated/engine/ops_half_modern.hpp"

#include <limits>

namespace kw::emu {

namespace {

/// Body, where the registers are as wide as the types.
template <class Body>
struct OwnWidth {
    template <class Isa>
    KW_LANE static void run(const Insn& insn, Warp& warp, Lanes active) {
        if (insn.wide == own_width(insn.mods)) {
            Body::template run<Isa>(insn, warp, active);
        } else {
            convert_any(insn, warp, active);
        }
    }
};

template <class Op, class To, class From>
Handler own() {
    return handler<OwnWidth<Map<Op, To, From>>>();
}

template <class Op, class To, class From>
Handler own_plain() {
    return plain_handler<OwnWidth<Map<Op, To, From>>>();
}

/// The value of an integer type in lanes of its register: narrow ones are extended.
template <class To>
struct Extended {
    template <class From>
    KW_LANE LaneOf<To> operator()(From a) const {
        return static_cast<LaneOf<To>>(static_cast<To>(a));
    }
};

template <class To>
struct Saturated {
    template <class From>
    KW_LANE LaneOf<To> operator()(From a) const {
        using Limits = std::numeric_limits<To>;
        if constexpr (std::is_signed_v<From> && !std::is_signed_v<To>) {
            const From raised = a < 0 ? From{0} : a;
            return Saturated{}(static_cast<std::make_unsigned_t<From>>(raised));
        } else if constexpr (std::numeric_limits<From>::digits <= Limits::digits) {
            return Extended<To>{}(a);
        } else {
            const From cut =
                a > static_cast<From>(Limits::max()) ? static_cast<From>(Limits::max()) : a;
            if constexpr (std::is_signed_v<From>) {
                const auto low = static_cast<From>(Limits::min());
                return Extended<To>{}(cut < low ? low : cut);
            } else {
                return Extended<To>{}(cut);
            }
        }
    }
};

struct FloatOf {
    template <class From>
    KW_LANE float operator()(From a) const {
        return static_cast<float>(a);
    }
    KW_LANE float operator()(std::uint32_t a) const {
        return static_cast<float>(static_cast<double>(a));
    }
};

struct DoubleOf {
    template <class From>
    KW_LANE double operator()(From a) const {
        return static_cast<double>(a);
    }
};

/// Integers of at most 32 bits are exact in f64.
struct HalfOf {
    template <class From>
    KW_LANE Half operator()(From a) const {
        return narrow_half(narrow_to_odd(static_cast<double>(a)));
    }
};

struct BrainOf {
    template <class From>
    KW_LANE Brain operator()(From a) const {
        return narrow_brain(narrow_to_odd(static_cast<double>(a)));
    }
};

/// f32 to an integer of at most 32 bits; a NaN gives 0.
template <class To, Round round>
struct IntegerOf {
    KW_LANE std::uint32_t operator()(float a) const {
        using Limits = std::numeric_limits<To>;
        // Within these the rounded number has the same clamped value, and fits what follows.
        constexpr double low = static_cast<double>(Limits::min());
        constexpr double high = static_cast<double>(Limits::max());
        const double finite = a == a ? double{a} : 0.0;
        const double raised = finite > low ? finite : low;
        const double inside = raised < high ? raised : high;
        double whole = 0;
        if constexpr (round == Round::nearest) {
            whole = (inside + 0x1.8p52) - 0x1.8p52;
        } else {
            whole = inside;  // the conversion cuts
        }
        if constexpr (std::is_same_v<To, std::uint32_t>) {
            // Cut before the subtraction, which moves the number across zero.
            const double cut = whole >= 2147483648.0 ? 2147483648.0 : 0.0;
            const auto low_part = static_cast<std::int32_t>(whole - cut);
            return static_cast<std::uint32_t>(low_part) | (cut != 0 ? 0x80000000U : 0U);
        } else {
            return static_cast<std::uint32_t>(static_cast<To>(static_cast<std::int32_t>(whole)));
        }
    }
};

template <class From>
struct WidenCanonical {
    KW_LANE float operator()(From a) const { return canonical(widen(a)); }
};

struct NarrowHalf {
    KW_LANE Half operator()(float a) const { return narrow_half(a); }
};

struct NarrowBrain {
    KW_LANE Brain operator()(float a) const { return narrow_brain(a); }
};

struct SaturatedFloat {
    KW_LANE float operator()(float a) const { return saturated(a); }
};

struct FlushedFloat {
    KW_LANE float operator()(float a) const { return canonical(flushed(a)); }
};

struct WidenDouble {
    KW_LANE double operator()(float a) const {
        return a == a ? double{a} : double_of(0x7FF8000000000000U);
    }
};

struct NarrowFloat {
    KW_LANE float operator()(double a) const { return canonical(static_cast<float>(a)); }
};

/// f(value of the C++ type) for an integer type.
template <class F>
Handler with_number(Number type, F&& f) {
    switch (type) {
        case Number::u8: return f(std::uint8_t{});
        case Number::u16: return f(std::uint16_t{});
        case Number::u32: return f(std::uint32_t{});
        case Number::u64: return f(std::uint64_t{});
        case Number::s8: return f(std::int8_t{});
        case Number::s16: return f(std::int16_t{});
        case Number::s32: return f(std::int32_t{});
        case Number::s64: return f(std::int64_t{});
        default: return nullptr;
    }
}

Handler integers(const Conversion& conversion) {
    return with_number(conversion.to, [&](auto to) {
        using To = decltype(to);
        return with_number(conversion.from, [&](auto from) -> Handler {
            using From = decltype(from);
            return conversion.saturate ? own_plain<Saturated<To>, LaneOf<To>, From>()
                                       : own_plain<Extended<To>, LaneOf<To>, From>();
        });
    });
}

Handler from_integer(const Conversion& conversion) {
    return with_number(conversion.from, [&](auto from) -> Handler {
        using From = decltype(from);
        switch (conversion.to) {
            case Number::f32: return own<FloatOf, float, From>();
            case Number::f64: return own<DoubleOf, double, From>();
            case Number::f16:
                if constexpr (sizeof(From) <= 4) {
                    return own<HalfOf, Half, From>();
                }
                return nullptr;
            case Number::bf16:
                if constexpr (sizeof(From) <= 4) {
                    return own<BrainOf, Brain, From>();
                }
                return nullptr;
            default: return nullptr;
        }
    });
}

Handler to_integer_from_float(const Conversion& conversion) {
    return with_number(conversion.to, [&](auto to) -> Handler {
        using To = decltype(to);
        if constexpr (sizeof(To) <= 4) {
            switch (conversion.round) {
                case Round::nearest:
                    return own<IntegerOf<To, Round::nearest>, std::uint32_t, float>();
                case Round::zero: return own<IntegerOf<To, Round::zero>, std::uint32_t, float>();
                default: return nullptr;
            }
        }
        return nullptr;
    });
}

Handler reals(const Conversion& conversion) {
    const Number to = conversion.to;
    const Number from = conversion.from;
    if (to == Number::f32 && from == Number::f16) {
        if (const Handler modern = modern_half(HalfForm::widen, false)) {
            return modern;
        }
        return own_plain<WidenCanonical<Half>, float, Half>();
    }
    if (to == Number::f32 && from == Number::bf16) {
        return own<WidenCanonical<Brain>, float, Brain>();
    }
    if (to == Number::f16 && from == Number::f32) {
        if (const Handler modern = modern_half(HalfForm::narrow, false)) {
            return modern;
        }
        return own_plain<NarrowHalf, Half, float>();
    }
    if (to == Number::bf16 && from == Number::f32) {
        return own<NarrowBrain, Brain, float>();
    }
    if (to == Number::f64 && from == Number::f32) {
        return own<WidenDouble, double, float>();
    }
    return to == Number::f32 && from == Number::f64 ? own<NarrowFloat, float, double>() : nullptr;
}

}  // namespace

Handler fast_conversion(const Conversion& conversion) {
    const bool to_real = is_real(conversion.to);
    const bool from_real = is_real(conversion.from);
    if (!to_real && !from_real) {
        return integers(conversion);
    }
    if (to_real && from_real && conversion.to == Number::f32 && conversion.from == Number::f32 &&
        !conversion.integral && conversion.ftz != conversion.saturate) {
        return conversion.saturate ? own<SaturatedFloat, float, float>()
                                   : own<FlushedFloat, float, float>();
    }
    if (conversion.ftz || conversion.integral) {
        return nullptr;
    }
    if (!to_real) {
        return conversion.from == Number::f32 ? to_integer_from_float(conversion) : nullptr;
    }
    if (conversion.saturate || conversion.round != Round::nearest) {
        return nullptr;
    }
    return from_real ? reals(conversion) : from_integer(conversion);
}

}  // namespace kw::emu
