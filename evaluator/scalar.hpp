// SPDX-License-Identifier: Apache-2.0
// One element of any dtype as a double and back, the same on every machine: plain C++, no F16C.
#pragma once

#include "core/task.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace kw {

/// Round to nearest, ties to even; overflow gives infinity, NaN the quiet NaN.
[[nodiscard]] std::uint16_t to_f16(double value);
[[nodiscard]] std::uint16_t to_bf16(double value);
[[nodiscard]] double from_f16(std::uint16_t bits);
[[nodiscard]] double from_bf16(std::uint16_t bits);

[[nodiscard]] bool is_float(DType dtype);
[[nodiscard]] bool is_signed(DType dtype);
/// Largest finite value; for integers the largest value.
[[nodiscard]] double largest(DType dtype);
/// Smallest positive subnormal; floats only.
[[nodiscard]] double least_subnormal(DType dtype);

/// Integers of 64 bits lose what a double cannot hold.
[[nodiscard]] double load(const std::byte* at, DType dtype);
/// RNE. Finite values too large become the largest finite one (integers: their limits); NaN is 0 in
/// integers.
void store(double value, DType dtype, std::byte* at);
/// `value` as the dtype holds it, infinity included.
[[nodiscard]] double rounded(double value, DType dtype);

/// The shortest text that reads back as the same element: "0.7713" for an f16, "-128", "nan".
[[nodiscard]] std::string show_element(const std::byte* at, DType dtype);
[[nodiscard]] std::string show_number(double value);  ///< 7 significant digits

}  // namespace kw
