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
    count.spelled = 1;
    for (const PatternPiece& piece : pattern->pieces) {
        count.spelled *= piece.alternatives.size() + (piece.optional ? 1 : 0);
    }
    for (const std::string& opcode : expand(row.pattern, k_counted_forms)) {
        const std::optional<Match> match = match_pattern(*pattern, opcode);
        count.supported += match && row.bind(*match).run != nullptr ? 1 : 0;
    }
    return count;
}

std::string forms_table() {
    std::string table =
        std::to_string(opcode_rows().size()) + " rows.\n\n| Pattern | Opcodes |\n|---|---:|\n";
    for (const OpcodeRow& row : opcode_rows()) {
        const FormCount count = count_forms(row);
        table += "| " + cell(row.pattern) + " | " +
                 (count.spelled > k_counted_forms ? "> " + std::to_string(k_counted_forms)
                                                  : std::to_string(count.supported)) +
                 " |\n";
    }
    return table;
}

}  // namespace kw::emu
