// SPDX-License-Identifier: Apache-2.0
// Draws an argument's bytes from a secret stream (the distributions of core/task.hpp).
#pragma once

#include "core/csprng.hpp"
#include "core/result.hpp"
#include "core/task.hpp"

#include <cstddef>
#include <span>

namespace kw {

/// `out` has exactly byte_size(arg, dims) bytes. The same (stream state, arg, dims, fill) gives the
/// same bytes on every machine. Unknown distribution or parameter: Errc::config. Fast: weights are
/// hundreds of megabytes.
///
/// Parameters and what stands for a missing one:
///   zero; bytes; one_hot; ramp (integers count and wrap; floats run through the multiples of 1/64
///   from -254/64 to 254/64); constant(value 0); uniform(lo 0, hi 1; integers: all values of the
///   dtype); normal(mean 0, sigma 1); student_t(nu 3 [>= 2], sigma 1); outlier(sigma 1, every 1024,
///   scale 40; which column of every `every` is drawn); log_uniform(lo 1e-6, hi 1); ties(step 1: an
///   odd multiple of step/2, -255..255); special(nonfinite 0); zero_groups(group 32, fraction 0.05,
///   sigma 1); constant_groups(group 32, sigma 1); records.
/// Resolution: 16 random bits for elements of one and two bytes (normal ends at +-4.5 sigma), 32
/// for wider ones (+-4.76 sigma). Values too large for the dtype become its largest finite one.
[[nodiscard]] Result<void> fill_argument(
    const Arg& arg,
    const DimMap& dims,
    const Fill& fill,
    SecretStream& stream,
    std::span<std::byte> out);

/// A NaN pattern for floats, an unlikely code pattern for integers, differing with `salt` and from
/// element to element: what outputs hold before a call.
void poison(std::span<std::byte> out, DType dtype, std::uint64_t salt);

}  // namespace kw
