// SPDX-License-Identifier: Apache-2.0
// What can be counted in a candidate's text without a compiler: loops, vector width, wide loads,
// packed arithmetic. Coarse and cheap; facts of the build say what became of it.
#pragma once

#include "core/dim_expr.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kw::agent {

struct FactSpec {
    std::string name;   ///< as rules write it
    std::string unit;   ///< "%", "bytes", "count", "0 or 1"
    std::string about;  ///< one line, lower case
};

/// The facts of source_facts(), in the order of the documentation.
[[nodiscard]] const std::vector<FactSpec>& source_fact_specs();

/// Every one of them; 0 where nothing is found. Comments do not count, texts do (inline PTX stands
/// in them). Any bytes are accepted; linear time.
[[nodiscard]] DimMap source_facts(std::string_view source);

/// The source without comments; texts and character literals stay.
[[nodiscard]] std::string without_comments(std::string_view source);

}  // namespace kw::agent
