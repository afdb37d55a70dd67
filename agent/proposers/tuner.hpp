// SPDX-License-Identifier: Apache-2.0
// An autotuner over the parameters a source declares. The convention, line by line:
//
//   //!tune UNROLL = {1, 2, 4, 8}
//   #define UNROLL 1
//   //!tune ROWS = {4, 8, 16}
//   constexpr int ROWS = 4;
//   //!require ROWS * UNROLL <= 64
//
// A `//!tune NAME = {values}` line is followed, on the next line that is not a comment, by the
// definition of NAME: `#define NAME value`, or a constexpr/const variable `... NAME = value;`. A
// value is a word: letters, digits, `_ . + -`. `//!require` holds a condition in the grammar of
// core/dim_expr.hpp over the integer parameters; points where it is 0 are never proposed.
// Formatters may put spaces around the '!'. A point is written into the source by replacing the
// value in the definition; everything else stays as it is, so that the point can be read back from
// any source of the space.
#pragma once

#include "core/dim_expr.hpp"
#include "core/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kw::agent {

struct TuneParam {
    std::string name;
    std::vector<std::string> values;  ///< at least one, each once
};

/// Indices into TuneParam::values, one a parameter.
using TunePoint = std::vector<std::size_t>;

struct TuneSpace {
    std::vector<TuneParam> params;
    std::vector<DimExpr> require;
};

/// Errc::config with "line N: ..." for a malformed line, a missing definition, a name declared
/// twice. No //!tune line: a space without parameters.
[[nodiscard]] Result<TuneSpace> read_tune_space(std::string_view source);

/// The point a source stands for; nothing when a definition is missing or its value is not in the
/// space (a seed may start outside of it).
[[nodiscard]] std::optional<TunePoint> point_of(const TuneSpace& space, std::string_view source);

/// The source with the point's values.
[[nodiscard]] std::string with_point(
    const TuneSpace& space, std::string_view source, const TunePoint& point);

/// "UNROLL=4 ROWS=8"
[[nodiscard]] std::string show_point(const TuneSpace& space, const TunePoint& point);

/// Points of the space that meet the requirements, counted up to `at_most`.
[[nodiscard]] std::int64_t count_points(const TuneSpace& space, std::int64_t at_most);

struct TuneTrial {
    TunePoint point;
    double reward = 0;  ///< speed-up; 0 = not accepted
};

/// The next point to try, never one of `trials`; nothing when the space is exhausted. A pure
/// function of its arguments: the search needs no state but the stored evaluations. First random
/// exploration (about two points a parameter), then the neighbours of the best point, one
/// parameter at a time, nearest values first; when they are all known, of the next best, and every
/// eighth time a random restart.
[[nodiscard]] std::optional<TunePoint> next_point(
    const TuneSpace& space, const std::vector<TuneTrial>& trials, std::uint64_t seed);

}  // namespace kw::agent
