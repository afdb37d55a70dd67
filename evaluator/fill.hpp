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
[[nodiscard]] Result<void> fill_argument(
    const Arg& arg,
    const DimMap& dims,
    const Fill& fill,
    SecretStream& stream,
    std::span<std::byte> out);

/// A NaN pattern for floats, an unlikely code pattern for integers, differing with `salt`: what
/// outputs hold before a call.
void poison(std::span<std::byte> out, DType dtype, std::uint64_t salt);

}  // namespace kw
