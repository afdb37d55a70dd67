// SPDX-License-Identifier: Apache-2.0
// Random numbers without a generator: each draw is a hash of where it is made, (seed, step, slot,
// what for). A resumed campaign draws the same numbers, whatever was drawn before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace kw::agent {

/// What a number is drawn for. The values are part of stored campaigns: append only.
enum class DrawFor : std::uint64_t {
    parent = 1,
    operation = 2,
    second_parent = 3,
    inspiration = 4
};

struct DrawPlace {
    std::uint64_t seed = 1;
    int step = 0;
    int slot = 0;
};

/// In [0, 1). `index` tells apart several draws of one purpose.
[[nodiscard]] double draw(const DrawPlace& at, DrawFor what, std::uint64_t index = 0);

/// `u` in [0, 1) to 0 .. count - 1; `count` > 0.
[[nodiscard]] std::size_t choose(double u, std::size_t count);

/// `u` in [0, 1) to an index with chance proportional to its weight. Weights are finite and >= 0;
/// nothing when none is above 0.
[[nodiscard]] std::optional<std::size_t> choose_weighted(double u, std::span<const double> weights);

}  // namespace kw::agent
