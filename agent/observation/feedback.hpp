// SPDX-License-Identifier: Apache-2.0
// What a proposer is told about an evaluation: the class of the failure and one checkable case, or
// times per shape and how far the roof is. Never a value, a shape or a name of a hidden case.
#pragma once

#include "agent/search/history.hpp"

#include <string>

namespace kw::agent {

/// One line: "AC 2.31x: 131 % faster" or "WA wrong result".
[[nodiscard]] std::string feedback_line(const Attempt& attempt);

/// The block under "Result of the last attempt". Text of compilers and candidates is fenced.
[[nodiscard]] std::string feedback_text(const Attempt& attempt);

/// Table of the timed shapes of an accepted attempt, "" for others.
[[nodiscard]] std::string shape_table(const Attempt& attempt);

}  // namespace kw::agent
