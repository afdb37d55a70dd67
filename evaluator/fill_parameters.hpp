// SPDX-License-Identifier: Apache-2.0
// The distributions by name: their parameters, what stands for missing ones, and the ranges.
#pragma once

#include "core/result.hpp"
#include "core/task.hpp"

#include <array>

namespace kw {

/// In the order that fill.hpp lists them; 0 beyond the last one.
using FillParameters = std::array<double, 3>;

/// Unknown distribution, unknown parameter, value out of range: Errc::config.
[[nodiscard]] Result<FillParameters> read_fill_parameters(const Fill& fill);

}  // namespace kw
