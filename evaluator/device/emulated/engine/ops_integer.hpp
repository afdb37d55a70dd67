// SPDX-License-Identifier: Apache-2.0
// Integer arithmetic on single lanes. Source: PTX ISA 9.0, 9.7.1. Overflow wraps; where the ISA
// leaves a result open (x / 0) it is all ones, and x % 0 is x.
#pragma once

#include "evaluator/device/emulated/engine/bind_types.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace kw::emu {

struct Add {
    template <class T>
    KW_LANE T operator()(T a, T b) const {
        return static_cast<T>(static_cast<Modular<T>>(a) + static_cast<Modular<T>>(b));
    }
};

struct Subtract {
    template <class T>
    KW_LANE T operator()(T a, T b) const {
        return static_cast<T>(static_cast<Modular<T>>(a) - static_cast<Modular<T>>(b));
    }
};

KW_LANE inline std::int32_t saturate_s32(std::int64_t value) {
    constexpr std::int64_t low = std::numeric_limits<std::int32_t>::min();
    constexpr std::int64_t high = std::numeric_limits<std::int32_t>::max();
    return static_cast<std::int32_t>(std::clamp(value, low, high));
}

struct AddSaturating {
    KW_LANE std::int32_t operator()(std::int32_t a, std::int32_t b) const {
        return saturate_s32(std::int64_t{a} + b);
    }
};

struct SubtractSaturating {
    KW_LANE std::int32_t operator()(std::int32_t a, std::int32_t b) const {
        return saturate_s32(std::int64_t{a} - b);
    }
};

struct MultiplyLow {
    template <class T>
    KW_LANE T operator()(T a, T b) const {
        return static_cast<T>(static_cast<Modular<T>>(a) * static_cast<Modular<T>>(b));
    }
};

struct MultiplyWide {
    template <class T>
    KW_LANE Twice<T> operator()(T a, T b) const {
        return static_cast<Twice<T>>(static_cast<Twice<T>>(a) * static_cast<Twice<T>>(b));
    }
};

struct MultiplyHigh {
    template <class T>
    KW_LANE T operator()(T a, T b) const {
        return static_cast<T>(MultiplyWide{}(a, b) >> (8 * sizeof(T)));
    }
};

struct MadLow {
    template <class T>
    KW_LANE T operator()(T a, T b, T c) const {
        return Add{}(MultiplyLow{}(a, b), c);
    }
};

struct MadHigh {
    template <class T>
    KW_LANE T operator()(T a, T b, T c) const {
        return Add{}(MultiplyHigh{}(a, b), c);
    }
};

struct MadWide {
    template <class T>
    KW_LANE Twice<T> operator()(T a, T b, Twice<T> c) const {
        return Add{}(MultiplyWide{}(a, b), c);
    }
};

struct MadHighSaturating {
    KW_LANE std::int32_t operator()(std::int32_t a, std::int32_t b, std::int32_t c) const {
        return saturate_s32(std::int64_t{MultiplyHigh{}(a, b)} + c);
    }
};

/// The 48-bit product of the low 24 bits.
template <class T>
KW_LANE inline Twice<T> multiply24(T a, T b) {
    const auto cut = [](T x) KW_LANE {
        return static_cast<T>(static_cast<T>(static_cast<std::uint32_t>(x) << 8) >> 8);
    };
    return MultiplyWide{}(cut(a), cut(b));
}

struct Multiply24Low {
    template <class T>
    KW_LANE T operator()(T a, T b) const {
        return static_cast<T>(multiply24(a, b));
    }
};

struct Multiply24High {
    template <class T>
    KW_LANE T operator()(T a, T b) const {
        return static_cast<T>(multiply24(a, b) >> 16);
    }
};

struct Mad24Low {
    template <class T>
    KW_LANE T operator()(T a, T b, T c) const {
        return Add{}(Multiply24Low{}(a, b), c);
    }
};

struct Mad24High {
    template <class T>
    KW_LANE T operator()(T a, T b, T c) const {
        return Add{}(Multiply24High{}(a, b), c);
    }
};

struct Mad24HighSaturating {
    KW_LANE std::int32_t operator()(std::int32_t a, std::int32_t b, std::int32_t c) const {
        return saturate_s32(std::int64_t{Multiply24High{}(a, b)} + c);
    }
};

struct SumOfDifference {
    template <class T>
    KW_LANE T operator()(T a, T b, T c) const {
        return Add{}(c, a < b ? Subtract{}(b, a) : Subtract{}(a, b));
    }
};

struct Divide {
    template <class T>
    KW_LANE T operator()(T a, T b) const {
        if constexpr (std::is_signed_v<T>) {
            // The one quotient that does not fit wraps, as the negation does.
            if (b == -1) {
                return Subtract{}(T{0}, a);
            }
        }
        return b == 0 ? static_cast<T>(~T{0}) : static_cast<T>(a / b);
    }
};

struct Remainder {
    template <class T>
    KW_LANE T operator()(T a, T b) const {
        if constexpr (std::is_signed_v<T>) {
            if (b == -1) {
                return 0;
            }
        }
        return b == 0 ? a : static_cast<T>(a % b);
    }
};

struct Negate {
    template <class T>
    KW_LANE T operator()(T a) const {
        return Subtract{}(T{0}, a);
    }
};

struct Absolute {
    template <class T>
    KW_LANE T operator()(T a) const {
        return a < 0 ? Negate{}(a) : a;
    }
};

struct Minimum {
    template <class T>
    KW_LANE T operator()(T a, T b) const {
        return a < b ? a : b;
    }
};

struct Maximum {
    template <class T>
    KW_LANE T operator()(T a, T b) const {
        return a < b ? b : a;
    }
};

/// Op, with negative results raised to zero.
template <class Op>
struct Relu {
    template <class T>
    KW_LANE T operator()(T a, T b) const {
        return std::max(Op{}(a, b), T{0});
    }
};

/// Op on the two halves of a register, as T.
template <class Op, class T>
struct Halves {
    KW_LANE std::uint32_t operator()(std::uint32_t a, std::uint32_t b) const {
        const auto low = static_cast<std::uint16_t>(Op{}(static_cast<T>(a), static_cast<T>(b)));
        const auto high =
            static_cast<std::uint16_t>(Op{}(static_cast<T>(a >> 16), static_cast<T>(b >> 16)));
        return low | (static_cast<std::uint32_t>(high) << 16);
    }
};

/// Element i of `bits`, of as many bits as T has.
template <class T>
KW_LANE inline std::uint32_t element(std::uint32_t bits, unsigned i) {
    return static_cast<std::uint32_t>(static_cast<T>(bits >> (8 * sizeof(T) * i)));
}

template <class A, class B>
struct Dot4 {
    KW_LANE std::uint32_t operator()(std::uint32_t a, std::uint32_t b, std::uint32_t c) const {
        for (unsigned i = 0; i < 4; ++i) {
            c += element<A>(a, i) * element<B>(b, i);
        }
        return c;
    }
};

template <class A, class B, unsigned first>
struct Dot2 {
    KW_LANE std::uint32_t operator()(std::uint32_t a, std::uint32_t b, std::uint32_t c) const {
        return c + element<A>(a, 0) * element<B>(b, first) +
               element<A>(a, 1) * element<B>(b, first + 1);
    }
};

/// |a - b| of four bytes, in bytes, or added up onto c.
template <class A, class B, bool sum>
struct ByteDifferences {
    KW_LANE std::uint32_t operator()(std::uint32_t a, std::uint32_t b, std::uint32_t c) const {
        std::uint32_t bytes = 0;
        for (unsigned i = 0; i < 4; ++i) {
            const auto apart = static_cast<std::int32_t>(element<A>(a, i) - element<B>(b, i));
            const auto size = static_cast<std::uint32_t>(apart < 0 ? -apart : apart);
            c += size;
            bytes |= (size & 0xFFU) << (8 * i);
        }
        return sum ? c : bytes;
    }
};

}  // namespace kw::emu
