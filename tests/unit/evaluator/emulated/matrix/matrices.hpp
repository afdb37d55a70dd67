// SPDX-License-Identifier: Apache-2.0
// Runs a matrix instruction on registers and computes what it should give, from plain matrices and
// the fragment maps as the PTX ISA writes them: row and column of element i in lane l.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/golden.hpp"

#include <functional>
#include <string>
#include <vector>

namespace kw::emu::test {

struct Random {
    std::uint64_t state;
    std::uint64_t next() {
        state += 0x9E3779B97F4A7C15U;
        std::uint64_t z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
        return z ^ (z >> 31);
    }
    int below(int bound) { return static_cast<int>(next() % static_cast<std::uint64_t>(bound)); }
};

/// An element type: how many bits, and what a pattern of them means (numbers of any type here are
/// exact in double).
struct Type {
    const char* name;
    int bits;
    double (*value)(std::uint64_t bits);
};
[[nodiscard]] const Type& type_of(const std::string& name);
/// The value's bits in f32 or f16, rounded to nearest; NaN is the canonical one.
[[nodiscard]] std::uint32_t f32_bits(long double value);
[[nodiscard]] std::uint32_t f16_bits(double value);

/// A matrix of element bits, row by row.
struct Matrix {
    int rows = 0;
    int columns = 0;
    std::vector<std::uint64_t> bits;
    Matrix(int m, int n)
        : rows(m)
        , columns(n)
        , bits(static_cast<std::size_t>(m) * static_cast<std::size_t>(n)) {}
    std::uint64_t& at(int row, int column) {
        return bits[static_cast<std::size_t>(row * columns + column)];
    }
    [[nodiscard]] std::uint64_t at(int row, int column) const {
        return bits[static_cast<std::size_t>(row * columns + column)];
    }
};

/// Where element i of lane l lies.
struct Place {
    int row = 0;
    int column = 0;
};
using Map = std::function<Place(int i, int lane)>;

/// Registers of one operand: `lanes` values each, in elements of `bits`.
struct Fragment {
    int registers = 0;
    int register_bits = 32;
    std::vector<std::uint64_t> lanes;  ///< [register][lane]
};
/// The elements of the matrix where the map puts them.
[[nodiscard]] Fragment fragment_of(
    const Matrix& matrix, int bits, int elements, const Map& map, int register_bits = 32);
[[nodiscard]] Matrix matrix_of(
    const Fragment& fragment, int rows, int columns, int bits, int elements, const Map& map);

[[nodiscard]] Binding binding_of(const std::string& opcode);

/// Runs the opcode with the operands flattened as they stand; gives the first `results` registers,
/// which begin as `before` (zero if it is empty). Both instruction sets must agree.
[[nodiscard]] Fragment run_matrix(
    const std::string& opcode,
    int results,
    int result_bits,
    const std::vector<Fragment>& sources,
    Lanes active = k_all_lanes);

/// Bits of an element: edges, numbers of moderate size, or anything.
[[nodiscard]] std::uint64_t some_element(const Type& type, Random& random, int mode);
[[nodiscard]] Matrix some_matrix(int rows, int columns, const Type& type, Random& random, int mode);

/// Elements of D that are not c + a * b: within rounding for floating point, exact for integers.
struct Product {
    const Type& a;
    const Type& b;
    const Type& c;
    const Type& d;
    bool saturate = false;
};
[[nodiscard]] int wrong_elements(
    const Product& types, const Matrix& a, const Matrix& b, const Matrix& c, const Matrix& d);

}  // namespace kw::emu::test
