// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/forms.hpp"

#include "evaluator/device/emulated/engine/resolve.hpp"

#include <string_view>

namespace kw::emu {

namespace {

/// A pattern inside a table's cell: its bars must not end the cell.
std::string cell(std::string_view pattern) {
    std::string text = "`";
    for (const char c : pattern) {
        text += c == '|' ? "\\|" : std::string(1, c);
    }
    return text + "`";
}

}  // namespace

FormCount count_forms(const OpcodeRow& row) {
    FormCount count;
    const std::optional<Pattern> pattern = compile_pattern(row.pattern);
    if (!pattern) {
        return count;
    }
    for (const std::string& opcode : expand(row.pattern)) {
        const std::optional<Match> match = match_pattern(*pattern, opcode);
        ++count.spelled;
        count.supported += match && row.bind(*match).run != nullptr ? 1 : 0;
    }
    return count;
}

std::string forms_table() {
    std::string rows;
    std::size_t total = 0;
    for (const OpcodeRow& row : opcode_rows()) {
        const FormCount count = count_forms(row);
        total += count.supported;
        rows += "| " + cell(row.pattern) + " | " + std::to_string(count.supported) + " |\n";
    }
    return std::to_string(total) + " opcodes in " + std::to_string(opcode_rows().size()) +
           " rows.\n\n| Pattern | Opcodes |\n|---|---:|\n" + rows;
}

}  // namespace kw::emu
