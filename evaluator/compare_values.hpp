// SPDX-License-Identifier: Apache-2.0
// The inner loops of a comparison: plain, branch-free, vectorised by the compiler. They say
// "nothing wrong here" fast; compare.cpp looks closer when they do not.
#pragma once

#include "core/task.hpp"

#include <cstddef>
#include <cstdint>

namespace kw {

/// One row of an output times a vector: sum r*y, and sqrt(sum (r*y)^2).
struct Projection {
    double value = 0;
    double norm = 0;
    double absolute = 0;  ///< sum |r*y|
};

/// |y - ref| <= u_out * |ref| + u_mag * mag + tiny.
struct Allowance {
    double u_out = 0;
    double u_mag = 0;
    double tiny = 0;

    [[nodiscard]] double of(double ref, double mag) const {
        return u_out * (ref < 0 ? -ref : ref) + u_mag * mag + tiny;
    }
    /// What a row's projection may be off by. `weights` = sum |r|.
    [[nodiscard]] double of_projection(
        const Projection& row, double magnitude, double weights, std::size_t columns) const;
};

/// `n` elements as doubles (not i64 and u64 beyond 2^53).
void widen(const std::byte* from, DType dtype, std::size_t n, double* to);

/// Largest error / allowed error; 0/0 counts as 0. Infinity when an element needs a closer look:
/// too far off, or not finite on either side. ref and mag point to n doubles each.
[[nodiscard]] double worst_error(
    const double* values,
    const std::byte* ref,
    const std::byte* mag,
    std::size_t n,
    const Allowance& allowance);

/// True when every element of `size` bytes equals `want` or `alt` (every nibble, when `nibbles`).
[[nodiscard]] bool codes_fine(
    const std::byte* got,
    const std::byte* want,
    const std::byte* alt,
    std::size_t bytes,
    bool nibbles,
    std::size_t size);

/// sum r[n] * y[n] modulo 2^64; r holds int64.
[[nodiscard]] std::uint64_t wrapped_dot(
    const std::byte* y, DType dtype, const std::byte* r, std::size_t n);
/// r holds f64.
[[nodiscard]] Projection project_row(
    const std::byte* y, DType dtype, const std::byte* r, std::size_t n);

}  // namespace kw
