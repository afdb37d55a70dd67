// SPDX-License-Identifier: Apache-2.0
// Compares an output with the reference under the task's tolerance class (core/task.hpp,
// docs/tasks.md).
#pragma once

#include "core/result.hpp"
#include "core/task.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace kw {

/// Buffers the reference writes for one output, in order: exact: {output}; bound: {f64 value, f64
/// magnitude}; codes: {want, alt}. Bytes of buffer `which` (0 or 1) for `elements` elements; 0 =
/// there is no such buffer.
[[nodiscard]] std::int64_t reference_bytes(const Arg& arg, std::int64_t elements, int which);

struct OutputDiff {
    bool equal = true;
    bool non_finite = false;  ///< a NaN or infinity where the reference has none
    bool untouched = false;   ///< the first mismatch still holds the poison
    std::int64_t elements = 0;
    std::int64_t mismatches = 0;
    std::int64_t first = -1;  ///< element index of the first mismatch
    std::string got, want;    ///< printed values of the first mismatch
    double max_error = 0;     ///< largest error as a fraction of the allowed one, at most 1e9
};

/// Wrong buffer sizes, and a `check.k` that cannot be computed, are errors (Errc::config): our own
/// or the reference's, never the candidate's.
///
/// Element by element, whole output. For `bound`, NaN is allowed exactly where the reference is
/// NaN, and an infinity only where the reference rounds to the same one.
[[nodiscard]] Result<OutputDiff> compare_output(
    const Arg& arg,
    const DimMap& dims,
    std::span<const std::byte> got,
    std::span<const std::byte> poison,  ///< what the output held before; may be empty
    std::span<const std::byte> ref0,
    std::span<const std::byte> ref1);

/// Only the elements whose flat indices are given; ref0/ref1 hold them in that order.
[[nodiscard]] Result<OutputDiff> compare_at(
    const Arg& arg,
    const DimMap& dims,
    std::span<const std::byte> got,
    std::span<const std::int64_t> indices,
    std::span<const std::byte> ref0,
    std::span<const std::byte> ref1);

/// Freivalds: rows = all axes but the last, columns = the last. For `exact` integer outputs `r` and
/// `projected` hold int64 (arithmetic modulo 2^64); for `bound` they hold f64 (`projected_mag` =
/// projection of the magnitudes with |r|, which scales the tolerance). An element of the diff is a
/// row. A wrong element shows when it is wrong by more than its whole row may be: output rounding
/// is allowed for by its random walk (r has random signs, drawn after the call), the rest linearly.
/// A projection that is not finite is an error: such a case needs the full comparison.
[[nodiscard]] Result<OutputDiff> compare_projection(
    const Arg& arg,
    const DimMap& dims,
    std::span<const std::byte> got,
    std::span<const std::byte> r,
    std::span<const std::byte> projected,
    std::span<const std::byte> projected_mag);

}  // namespace kw
