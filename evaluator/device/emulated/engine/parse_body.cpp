// SPDX-License-Identifier: Apache-2.0
// What a body declares: registers, variables, places in the source.
#include "evaluator/device/emulated/engine/parser.hpp"

#include <algorithm>

namespace kw::emu {

namespace {

constexpr std::size_t k_most_register_name_bytes = std::size_t{32} << 20;

/// Place of a call, as a key: a line of 2^32, a column of 2^16.
std::uint64_t place_key(std::int64_t file, std::int64_t line, std::int64_t column) {
    return (static_cast<std::uint64_t>(file) << 48) | (static_cast<std::uint64_t>(line) << 16) |
           (static_cast<std::uint64_t>(column) & 0xFFFF);
}

}  // namespace

bool Parser::registers() {
    VariableHead head;
    if (!variable_head(head)) {
        return false;
    }
    do {
        const TextPosition at = lexer_.position();
        const std::string_view name = lexer_.name();
        if (name.empty() || name == "_") {
            return fail_expected("the name of a register");
        }
        const bool good = lexer_.take('<') ? register_range(name, head.type, at)
                                           : single_register(name, head, at);
        if (!good) {
            return false;
        }
    } while (lexer_.take(','));
    return expect(';');
}

bool Parser::count_registers(std::uint64_t count, std::uint64_t name_bytes) {
    if (count > limits_.registers - register_count_) {
        return fail("more than " + std::to_string(limits_.registers) + " registers");
    }
    register_count_ += count;
    register_name_bytes_ += count * name_bytes;
    return register_name_bytes_ <= k_most_register_name_bytes ||
           fail("the names of the registers are too long");
}

bool Parser::register_range(std::string_view prefix, ScalarType type, TextPosition at) {
    std::int64_t count = 0;
    if (!integer(0, INT64_MAX, count) || !expect('>') ||
        !count_registers(static_cast<std::uint64_t>(count), prefix.size() + 8)) {
        return false;
    }
    const auto first = static_cast<std::uint32_t>(function_.registers.size());
    if (!names_.declare_range(prefix, first, static_cast<std::uint32_t>(count))) {
        return fail_at(at, "the range " + quote(prefix) + " is declared twice");
    }
    for (std::int64_t i = 0; i < count; ++i) {
        function_.registers.push_back(
            {std::string(prefix) + std::to_string(i), type.kind, type.bits});
    }
    return true;
}

bool Parser::single_register(std::string_view name, const VariableHead& head, TextPosition at) {
    if (!count_registers(head.vector, name.size() + 2)) {
        return false;
    }
    const auto first = static_cast<std::uint32_t>(function_.registers.size());
    const Meaning meaning = head.vector > 1 ? Meaning::vector : Meaning::reg;
    if (!names_.declare(name, meaning, first, head.vector)) {
        return fail_at(at, quote(name) + " is declared twice");
    }
    if (head.vector == 1) {
        function_.registers.push_back({std::string(name), head.type.kind, head.type.bits});
        return true;
    }
    for (std::uint32_t i = 0; i < head.vector; ++i) {
        constexpr std::string_view k_components = "xyzwabcd";
        function_.registers.push_back(
            {std::string(name) + '.' + k_components[i], head.type.kind, head.type.bits});
    }
    return true;
}

bool Parser::body_variables(Space space) {
    VariableHead head;
    if (!variable_head(head)) {
        return false;
    }
    do {
        const TextPosition at = lexer_.position();
        const std::string_view name = lexer_.name();
        if (name.empty()) {
            return fail_expected("the name of a variable");
        }
        std::vector<std::uint64_t> bounds;
        Symbol symbol = new_symbol(name, space, head);
        const auto index = static_cast<std::uint32_t>(function_.symbols.size());
        if (!count_symbol() || !array_bounds(symbol, head, bounds) ||
            !size_symbol(symbol, bounds)) {
            return false;
        }
        if (symbol.bytes == 0) {
            return fail_at(at, quote(name) + " has no size");
        }
        if (!names_.declare(name, Meaning::symbol, index, 1)) {
            return fail_at(at, quote(name) + " is declared twice");
        }
        function_.symbols.push_back(std::move(symbol));
    } while (lexer_.take(','));
    return expect(';');
}

/// ".loc file line column [, function_name label[+n], inlined_at file line column]"; it has no ';'.
bool Parser::location() {
    std::int64_t file = 0;
    std::int64_t line = 0;
    std::int64_t column = 0;
    if (!integer(0, 65535, file) || !integer(0, INT32_MAX, line) ||
        !integer(0, INT32_MAX, column)) {
        return false;
    }
    std::pair<std::int32_t, std::int32_t> root = {
        static_cast<std::int32_t>(file), static_cast<std::int32_t>(line)};
    while (lexer_.take(',')) {
        const TextPosition at = lexer_.position();
        const std::string_view word = lexer_.name();
        if (word == "function_name") {
            std::int64_t unused = 0;
            if (lexer_.name().empty() || !offset_terms(unused)) {
                return fail_expected("a label");
            }
        } else if (word != "inlined_at") {
            return fail_at(at, "expected function_name or inlined_at");
        } else if (!inlined_at(root)) {
            return false;
        }
    }
    roots_[place_key(file, line, column)] = root;
    if (root.second == 0) {
        return true;  // the compiler's own: the place before it is the nearest one
    }
    at_.file = static_cast<std::int32_t>(file);
    at_.line = static_cast<std::int32_t>(line);
    at_.root_file = root.first;
    at_.root_line = root.second;
    return true;
}

/// The call's own place went by in an earlier .loc, with its own root.
bool Parser::inlined_at(std::pair<std::int32_t, std::int32_t>& root) {
    std::int64_t file = 0;
    std::int64_t line = 0;
    std::int64_t column = 0;
    if (!integer(0, 65535, file) || !integer(0, INT32_MAX, line) ||
        !integer(0, INT32_MAX, column)) {
        return false;
    }
    const auto known = roots_.find(place_key(file, line, column));
    root = known != roots_.end()
               ? known->second
               : std::pair<std::int32_t, std::int32_t>{
                     static_cast<std::int32_t>(file), static_cast<std::int32_t>(line)};
    return true;
}

}  // namespace kw::emu
