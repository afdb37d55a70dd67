// SPDX-License-Identifier: Apache-2.0
// Text that goes into prompts: quoting of foreign text, cutting, figures. Whatever a candidate, a
// compiler or a model wrote is data: it enters a prompt only through fence() or one_line().
#pragma once

#include "core/evaluation.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace kw::agent {

/// The text in a fenced block whose fence is longer than any run of back-ticks in it, so that
/// nothing inside can end the block. Control characters are dropped, invalid UTF-8 replaced.
[[nodiscard]] std::string fence(std::string_view text, std::string_view language = "");

/// One printable line of at most `at_most` bytes: white space collapsed, back-ticks as ', control
/// characters dropped, "..." at the end of what was cut.
[[nodiscard]] std::string one_line(std::string_view text, std::size_t at_most);

/// Keeps the beginning (two thirds) and the end, whole lines, and says how many bytes are left out.
[[nodiscard]] std::string cut_middle(std::string_view text, std::size_t at_most);

/// Every byte that is not part of valid UTF-8 becomes '?'; valid text is unchanged.
[[nodiscard]] std::string valid_utf8(std::string_view text);

[[nodiscard]] std::string figure(double value, int decimals);  ///< "2.31"
[[nodiscard]] std::string show_time(double ns);                ///< "3.10 us"; "-" for 0
[[nodiscard]] std::string show_speedup(
    const Ratio& ratio);  ///< "2.31x [2.27, 2.36]"; "2.31x" without spread
/// "2.31x: 131 % faster" or "0.85x: 15 % slower"; the slow-down is that of speed, 1 - ratio.
[[nodiscard]] std::string tell_speedup(double ratio);

}  // namespace kw::agent
