// SPDX-License-Identifier: Apache-2.0
// The PTX fixtures and a printer that turns parsed instructions back into PTX tokens.
#pragma once

#include "evaluator/device/emulated/engine/syntax.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kw::emu::test {

struct Fixture {
    std::string name;
    std::string text;
};

/// tests/golden/ptx/*.ptx in the order of their names.
[[nodiscard]] const std::vector<Fixture>& fixtures();

/// Names, numbers and single punctuation characters of PTX text; comments are left out, opcodes are
/// one token. `line` is that of the token, from 1.
struct Token {
    std::string text;
    int line = 1;
};
[[nodiscard]] std::vector<Token> tokens_of(std::string_view text);

/// The operand as PTX; a label is printed as "L" and its index.
[[nodiscard]] std::string print(
    const Module& module, const Function& function, const Operand& operand);
/// Guard, opcode and operands as PTX, without the semicolon.
[[nodiscard]] std::string print(
    const Module& module, const Function& function, const Instruction& instruction);

/// The instructions of a body inside a kernel "k(.param .u64 in)" of a whole module, printed;
/// errors are printed as "line:column: message".
[[nodiscard]] std::vector<std::string> parse_body(std::string_view body);
/// A module around directives and functions.
[[nodiscard]] ParseResult parse_module(std::string_view rest, const ParseLimits& limits = {});
/// The same around a kernel's body.
[[nodiscard]] ParseResult parse_kernel(std::string_view body, const ParseLimits& limits = {});

}  // namespace kw::emu::test
