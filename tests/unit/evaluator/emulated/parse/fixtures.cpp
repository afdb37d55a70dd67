// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/evaluator/emulated/parse/fixtures.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace kw::emu::test {

namespace {

std::vector<Fixture> read_fixtures() {
    std::vector<Fixture> read;
    for (const auto& file :
         std::filesystem::directory_iterator(KW_SOURCE_DIR "/tests/golden/ptx")) {
        if (file.path().extension() == ".ptx") {
            std::ifstream in(file.path(), std::ios::binary);
            read.push_back({file.path().stem(), {std::istreambuf_iterator<char>(in), {}}});
        }
    }
    std::sort(read.begin(), read.end(), [](const Fixture& a, const Fixture& b) {
        return a.name < b.name;
    });
    return read;
}

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || c == '%' ||
           c == '.';
}

std::string hexadecimal(char prefix, std::uint64_t bits, int digits) {
    char text[32];
    std::snprintf(
        text, sizeof(text), "0%c%0*llX", prefix, digits, static_cast<unsigned long long>(bits));
    return text;
}

std::string print_list(
    const Module& module,
    const Function& function,
    const std::vector<Operand>& parts,
    std::string_view separator) {
    std::string text;
    for (const Operand& part : parts) {
        text +=
            (text.empty() ? std::string() : std::string(separator)) + print(module, function, part);
    }
    return text;
}

std::string print_offset(std::int64_t offset) {
    return offset == 0 ? "" : (offset < 0 ? "" : "+") + std::to_string(offset);
}

std::string print_memory(const Module& module, const Function& function, const Operand& operand) {
    std::string text =
        "[" + print(module, function, operand.parts.at(0)) + print_offset(operand.offset);
    for (std::size_t i = 1; i < operand.parts.size(); ++i) {
        text += ", " + print(module, function, operand.parts[i]);
    }
    return text + "]";
}

}  // namespace

const std::vector<Fixture>& fixtures() {
    static const std::vector<Fixture> read = read_fixtures();
    return read;
}

std::vector<Token> tokens_of(std::string_view text) {
    std::vector<Token> tokens;
    int line = 1;
    for (std::size_t at = 0; at < text.size();) {
        const char c = text[at];
        if (text.substr(at, 2) == "//") {
            at = std::min(text.find('\n', at), text.size());
        } else if (text.substr(at, 2) == "/*") {
            const std::size_t end = std::min(text.find("*/", at), text.size() - 2) + 2;
            line += static_cast<int>(std::count(
                text.begin() + static_cast<std::ptrdiff_t>(at),
                text.begin() + static_cast<std::ptrdiff_t>(end),
                '\n'));
            at = end;
        } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
            line += c == '\n' ? 1 : 0;
            ++at;
        } else {
            std::size_t end = at + 1;
            while (is_word(c) && end < text.size() &&
                   (is_word(text[end]) || text.substr(end, 2) == "::" ||
                    (text[end] == ':' && text[end - 1] == ':'))) {
                ++end;
            }
            tokens.push_back({std::string(text.substr(at, end - at)), line});
            at = end;
        }
    }
    return tokens;
}

std::string print(const Module& module, const Function& function, const Operand& operand) {
    using Kind = Operand::Kind;
    switch (operand.kind) {
        case Kind::reg:
            return (operand.negated ? function.registers.at(operand.index).kind == 'p' ? "!" : "-"
                                    : "") +
                   function.registers.at(operand.index).name + operand.text;
        case Kind::special: return operand.text;
        case Kind::integer: return std::to_string(static_cast<std::int64_t>(operand.bits));
        case Kind::real32: return hexadecimal('f', operand.bits, 8);
        case Kind::real64: return hexadecimal('d', operand.bits, 16);
        case Kind::global:
            return module.globals.at(operand.index).name + print_offset(operand.offset);
        case Kind::local:
            return function.symbols.at(operand.index).name + print_offset(operand.offset);
        case Kind::label: return "L" + std::to_string(operand.index);
        case Kind::function: return module.functions.at(operand.index).name;
        case Kind::vector: return "{" + print_list(module, function, operand.parts, ", ") + "}";
        case Kind::memory: return print_memory(module, function, operand);
        case Kind::pair: return print_list(module, function, operand.parts, "|");
        case Kind::list: return "(" + print_list(module, function, operand.parts, ", ") + ")";
        case Kind::sink: return "_";
    }
    return "?";
}

std::string print(const Module& module, const Function& function, const Instruction& instruction) {
    std::string text;
    if (instruction.guard) {
        text = std::string(instruction.guard->negated ? "@!" : "@") +
               function.registers.at(instruction.guard->reg).name + " ";
    }
    text += instruction.opcode;
    for (std::size_t i = 0; i < instruction.operands.size(); ++i) {
        text += (i == 0 ? " " : ", ") + print(module, function, instruction.operands[i]);
    }
    return text;
}

ParseResult parse_module(std::string_view rest, const ParseLimits& limits) {
    return parse(".version 9.0\n.target sm_90a\n" + std::string(rest), limits);
}

ParseResult parse_kernel(std::string_view body, const ParseLimits& limits) {
    return parse_module(
        ".visible .entry k(.param .u64 in)\n{\n" + std::string(body) + "\n}\n", limits);
}

std::vector<std::string> parse_body(std::string_view body) {
    const ParseResult result = parse_kernel(body);
    std::vector<std::string> lines;
    for (const PtxError& error : result.errors) {
        lines.push_back(
            std::to_string(error.line) + ":" + std::to_string(error.column) + ": " + error.message);
    }
    for (const Function& function : result.module.functions) {
        for (const Instruction& instruction : function.instructions) {
            lines.push_back(print(result.module, function, instruction));
        }
    }
    return lines;
}

}  // namespace kw::emu::test
