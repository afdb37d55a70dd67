// SPDX-License-Identifier: Apache-2.0
// The list of supported instruction forms, for the documentation: made from opcodes.def, so that it
// cannot say anything else than the device does.
#pragma once

#include <cstddef>
#include <string>

namespace kw::emu {

struct OpcodeRow;

/// More opcodes of one row than this are not counted one by one.
inline constexpr std::size_t k_counted_forms = 20'000;

/// How many opcodes a row's pattern spells, and how many of the first k_counted_forms its binder
/// accepts.
struct FormCount {
    std::size_t spelled = 0;
    std::size_t supported = 0;
};
[[nodiscard]] FormCount count_forms(const OpcodeRow& row);

/// A Markdown table with a line a row: pattern and number of supported opcodes.
[[nodiscard]] std::string forms_table();

}  // namespace kw::emu
