// SPDX-License-Identifier: Apache-2.0
// The distributions, one array at a time: what fill_argument() puts arguments and records together
// from.
#pragma once

#include "core/csprng.hpp"
#include "core/result.hpp"
#include "core/task.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace kw {

/// An array to be filled: rows of `columns` elements of `dtype`.
struct FillTarget {
    DType dtype = DType::f32;
    std::int64_t elements = 0;
    std::int64_t columns = 0;  ///< last axis
};

/// Writes the next elements, from element `first` on, `out.size() / size_of(dtype)` of them. Called
/// with rising, gapless `first`; keeps state.
using Filler = std::function<void(std::int64_t first, std::span<std::byte> out)>;

/// Errors (Errc::config) have no "what was being filled": the caller puts it in front.
[[nodiscard]] Result<Filler> make_filler(
    const Fill& fill, const FillTarget& target, SecretStream& stream);

}  // namespace kw
