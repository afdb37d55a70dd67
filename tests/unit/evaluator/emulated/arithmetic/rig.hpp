// SPDX-License-Identifier: Apache-2.0
// Runs an opcode on vectors of operands, 32 at a time, and sees to what every handler owes: the
// same bits on both instruction sets, lanes that are not active left alone, what lies above a
// narrow value ignored, a destination that is one of the sources.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/golden.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace kw::emu::test {

/// One operand: its values, and how wide its lanes are. Predicates are 0 or 1.
struct Column {
    std::vector<std::uint64_t> values;
    Width width = Width::w32;
    bool negated = false;  ///< !p
};

template <class T>
Column column(const std::vector<T>& values) {
    Column column;
    column.width = sizeof(T) == 8 ? Width::w64 : sizeof(T) == 4 ? Width::w32 : Width::w16;
    for (const T value : values) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, &value, sizeof(T));
        column.values.push_back(bits);
    }
    return column;
}

[[nodiscard]] Column predicates(const std::vector<bool>& values);

/// The opcode's results: one vector per width in `results`, as long as the sources.
[[nodiscard]] std::vector<std::vector<std::uint64_t>> run_opcode(
    std::string_view opcode, const std::vector<Width>& results, const std::vector<Column>& sources);

/// d = opcode(a, b ...), from values to values.
template <class R, class... A>
std::vector<R> evaluate(std::string_view opcode, const std::vector<A>&... in) {
    const Width width = sizeof(R) == 8 ? Width::w64 : sizeof(R) == 4 ? Width::w32 : Width::w16;
    const auto bits = run_opcode(opcode, {width}, {column(in)...});
    std::vector<R> results;
    for (const std::uint64_t value : bits[0]) {
        R result;
        std::memcpy(&result, &value, sizeof(R));
        results.push_back(result);
    }
    return results;
}

/// Bindings of the row that support nothing, or how an opcode is bound.
[[nodiscard]] Binding binding_of(std::string_view opcode);

/// A small deterministic generator.
struct Random {
    std::uint64_t state;
    std::uint64_t next() {
        state += 0x9E3779B97F4A7C15U;
        std::uint64_t z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31);
    }
};

/// `count` values of T: all pairs' worth of edges come with pairs(); these are edges then random
/// bits.
template <class T>
std::vector<T> some_integers(std::size_t count, std::uint64_t seed) {
    static constexpr std::uint64_t edges[] = {
        0,
        1,
        2,
        3,
        7,
        8,
        15,
        16,
        31,
        32,
        33,
        63,
        64,
        65,
        127,
        128,
        255,
        256,
        0x7FFF,
        0x8000,
        0xFFFF,
        0x10000,
        0x7FFFFF,
        0x800000,
        0xFFFFFF,
        0x7FFFFFFF,
        0x80000000,
        0xFFFFFFFF,
        0x100000000,
        0x7FFFFFFFFFFFFFFF,
        0x8000000000000000,
        0xFFFFFFFFFFFFFFFE,
        0xFFFFFFFFFFFFFFFF,
        0xFFFF8000,
        0xFFFFFF80,
        0x55555555,
        0xAAAAAAAA};
    Random random{seed};
    std::vector<T> values;
    for (std::size_t i = 0; i < count; ++i) {
        const std::uint64_t bits = random.next();
        const std::uint64_t edge = edges[random.next() % std::size(edges)];
        // A third edges, a third short numbers, a third anything.
        const std::uint64_t choice = random.next() % 3;
        values.push_back(static_cast<T>(
            choice == 0   ? edge
            : choice == 1 ? bits >> (random.next() % 64)
                          : bits));
    }
    return values;
}

/// Floating-point bits: specials, subnormals, numbers near one another and anything.
[[nodiscard]] std::vector<float> some_floats(std::size_t count, std::uint64_t seed);
[[nodiscard]] std::vector<double> some_doubles(std::size_t count, std::uint64_t seed);

/// The same bits, or both a NaN.
[[nodiscard]] bool same(float a, float b);
[[nodiscard]] bool same(double a, double b);

}  // namespace kw::emu::test
