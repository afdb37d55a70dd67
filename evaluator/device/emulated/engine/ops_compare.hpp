// SPDX-License-Identifier: Apache-2.0
// Comparisons (PTX ISA 9.0, 9.7.6). Every comparison is one of four tests, perhaps with its
// operands exchanged or its answer inverted: a > b is b < a, and the unordered a <= b is not (b <
// a).
#pragma once

#include "evaluator/device/emulated/engine/half.hpp"
#include "evaluator/device/emulated/engine/lane_loop.hpp"

#include <cmath>
#include <optional>
#include <string_view>

namespace kw::emu {

enum class Test : std::uint8_t { equal, less, less_equal, differs, ordered };

struct Comparison {
    Test test = Test::equal;
    bool exchange = false;
    bool invert = false;
};

/// ".lt" for integers and bits; nothing for a name that integers do not have.
[[nodiscard]] std::optional<Comparison> integer_comparison(std::string_view name);
/// ".lt", ".ltu", ".nan" ... for floating point.
[[nodiscard]] std::optional<Comparison> real_comparison(std::string_view name);

/// As a number the tests compare: subnormals of f32 are zero where `ftz`.
template <bool ftz, class T>
KW_LANE inline auto comparable(T a) {
    if constexpr (std::is_same_v<T, float>) {
        return ftz ? flushed(a) : a;
    } else if constexpr (std::is_same_v<T, Half>) {
        return ftz ? widen(flushed(a)) : widen(a);
    } else if constexpr (std::is_same_v<T, Brain>) {
        return widen(a);
    } else {
        return a;
    }
}

template <Test test, bool ftz>
struct Compare {
    template <class T>
    KW_LANE bool operator()(T first, T second) const {
        const auto a = comparable<ftz>(first);
        const auto b = comparable<ftz>(second);
        if constexpr (test == Test::equal) {
            return a == b;
        } else if constexpr (test == Test::less) {
            return a < b;
        } else if constexpr (test == Test::less_equal) {
            return a <= b;
        } else if constexpr (test == Test::differs) {
            return (a < b) | (b < a);
        } else {
            return (a == a) & (b == b);
        }
    }
};

/// Compare on the low or the high half of a register.
template <Test test, bool ftz, class T, unsigned half>
struct CompareHalf {
    KW_LANE bool operator()(std::uint32_t a, std::uint32_t b) const {
        return Compare<test, ftz>{}(from_lane<T>(a >> (16 * half)), from_lane<T>(b >> (16 * half)));
    }
};

}  // namespace kw::emu
