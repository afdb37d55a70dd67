// SPDX-License-Identifier: Apache-2.0
// The module: its directives and variables. Functions: parse_function.cpp.
#include "evaluator/device/emulated/engine/parser.hpp"

#include <algorithm>
#include <array>
#include <new>

namespace kw::emu {

namespace {

constexpr std::size_t k_most_errors = 20;
constexpr std::int64_t k_most_files = 65535;

std::string describe(char c) {
    if (c > ' ' && c < 127) {
        return std::string("'") + c + "'";
    }
    constexpr std::string_view k_digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    return std::string("byte 0x") + k_digits[byte >> 4] + k_digits[byte & 15];
}

std::optional<Space> variable_space(std::string_view directive) {
    static constexpr std::array<std::pair<std::string_view, Space>, 5> k_spaces = {{
        {".global", Space::global},
        {".const", Space::constant},
        {".shared", Space::shared},
        {".local", Space::local},
        {".param", Space::param},
    }};
    for (const auto& [name, space] : k_spaces) {
        if (name == directive) {
            return space;
        }
    }
    return std::nullopt;
}

}  // namespace

std::string quote(std::string_view name) {
    constexpr std::size_t k_shown = 60;
    return "'" + std::string(name.substr(0, k_shown)) + (name.size() > k_shown ? "...'" : "'");
}

void Parser::report(TextPosition at, std::string message) {
    if (errors_.size() < k_most_errors) {
        errors_.push_back({at.line, at.column, std::move(message)});
    }
    if (errors_.size() == k_most_errors) {
        lexer_.stop();
    }
}

bool Parser::fail_at(TextPosition at, std::string message) {
    report(at, std::move(message));
    return false;
}

bool Parser::fail(std::string message) {
    return fail_at(lexer_.position(), std::move(message));
}

bool Parser::fail_expected(std::string_view what) {
    const TextPosition at = lexer_.position();
    std::string message = "expected " + std::string(what);
    if (lexer_.at_end()) {
        message += ", but the text ends";
    } else if (lexer_.at_name()) {
        message += " instead of " + quote(lexer_.name());
    } else {
        message += " instead of " + describe(lexer_.peek());
    }
    return fail_at(at, std::move(message));
}

bool Parser::expect(char c) {
    return lexer_.take(c) || fail_expected(std::string("'") + c + "'");
}

bool Parser::integer(std::int64_t low, std::int64_t high, std::int64_t& value) {
    const TextPosition at = lexer_.position();
    const std::string_view text = lexer_.number();
    if (text.empty()) {
        return fail_expected("a number");
    }
    const std::optional<Number> number = read_number(text);
    if (!number || number->kind != 'i') {
        return fail_at(at, quote(text) + " is not an integer that fits");
    }
    value = static_cast<std::int64_t>(number->bits);
    if (value < low || value > high) {
        return fail_at(
            at, quote(text) + " is not in " + std::to_string(low) + " .. " + std::to_string(high));
    }
    return true;
}

bool Parser::count_symbol() {
    if (symbol_count_ == limits_.symbols) {
        fail("more than " + std::to_string(limits_.symbols) + " symbols");
        lexer_.stop();
        return false;
    }
    ++symbol_count_;
    return true;
}

ParseResult Parser::run() {
    while (!lexer_.at_end()) {
        module_statement();
    }
    if (lexer_.open_comment()) {
        report(*lexer_.open_comment(), "this comment does not end");
    }
    apply_aliases();
    if (errors_.empty() && module_.version.empty()) {
        report({1, 0}, "there is no .version directive");
    }
    if (errors_.empty() && module_.target.empty()) {
        report({1, 0}, "there is no .target directive");
    }
    if (module_.files.empty()) {
        module_.files.emplace_back();
    }
    return take_result();
}

void Parser::module_statement() {
    const TextPosition at = lexer_.position();
    const std::string_view directive = lexer_.directive();
    const bool good = directive.empty() ? lexer_.take(';') || fail_expected("a directive")
                                        : directive_statement(directive, at);
    if (!good) {
        skip_to_next_declaration();
    }
}

/// Behind the next ';' or { } block, or before a directive in column 1.
void Parser::skip_to_next_declaration() {
    while (!lexer_.at_end()) {
        if (lexer_.take(';')) {
            return;
        }
        if (lexer_.take('}')) {
            lexer_.take(';');
            return;
        }
        if (lexer_.take('{')) {
            lexer_.skip_braces();
            // A body ends a declaration, the braces of a value do not.
            if (lexer_.peek() == '.' || lexer_.at_end()) {
                return;
            }
            continue;
        }
        if (lexer_.peek() == '.' && lexer_.position().column == 1) {
            return;
        }
        lexer_.step();
    }
}

bool Parser::directive_statement(std::string_view directive, TextPosition at) {
    bool external = false;
    while (directive == ".extern" || directive == ".visible" || directive == ".weak" ||
           directive == ".common") {
        external |= directive == ".extern";
        directive = lexer_.directive();
    }
    if (directive == ".func" || directive == ".entry") {
        return function(directive == ".entry");
    }
    if (const std::optional<Space> space = variable_space(directive)) {
        return module_variable(*space, external);
    }
    if (directive == ".version") {
        const std::string_view version = lexer_.number();
        module_.version = std::string(version.substr(0, 16));
        return !version.empty() || fail_expected("a version");
    }
    if (directive == ".target") {
        return target_directive();
    }
    if (directive == ".address_size") {
        std::int64_t bits = 0;
        return integer(64, 64, bits);
    }
    if (directive == ".file") {
        return file_directive();
    }
    if (directive == ".section") {
        return section_directive();
    }
    if (directive == ".pragma") {
        return pragma_directive();
    }
    if (directive == ".alias") {
        return alias_directive();
    }
    if (directive == ".loc") {
        return location();
    }
    return fail_at(at, "unknown directive " + quote(directive) + " in the module");
}

bool Parser::target_directive() {
    do {
        const TextPosition at = lexer_.position();
        const std::string_view name = lexer_.name();
        if (name.empty()) {
            return fail_expected("a target such as sm_90a");
        }
        if (name.starts_with("sm_")) {
            if (!module_.target.empty() && module_.target != name) {
                return fail_at(at, "a second target " + quote(name));
            }
            module_.target = std::string(name.substr(0, 32));
        }
    } while (lexer_.take(','));
    return true;
}

bool Parser::file_directive() {
    std::int64_t number = 0;
    if (!integer(0, k_most_files, number)) {
        return false;
    }
    const TextPosition at = lexer_.position();
    const std::optional<std::string_view> name = lexer_.quoted();
    if (!name) {
        return fail_at(at, "expected a file name between quotes on one line");
    }
    const auto index = static_cast<std::size_t>(number);
    if (module_.files.size() <= index) {
        module_.files.resize(index + 1);
    }
    module_.files[index] = std::string(*name);
    while (lexer_.take(',')) {  // time stamp, size
        if (lexer_.number().empty()) {
            return fail_expected("a number");
        }
    }
    return true;
}

bool Parser::section_directive() {
    const TextPosition at = lexer_.position();
    if (lexer_.directive().empty() && lexer_.name().empty()) {
        return fail_expected("the name of a section");
    }
    if (!expect('{')) {
        return false;
    }
    return lexer_.skip_braces() || fail_at(at, "this section does not end");
}

bool Parser::pragma_directive() {
    do {
        const TextPosition at = lexer_.position();
        if (!lexer_.quoted()) {
            return fail_at(at, "expected text between quotes on one line");
        }
    } while (lexer_.take(','));
    return expect(';');
}

bool Parser::alias_directive() {
    std::array<std::uint32_t, 2> functions{};
    for (std::uint32_t& function : functions) {
        const TextPosition at = lexer_.position();
        const std::string_view name = lexer_.name();
        if (name.empty()) {
            return fail_expected("the name of a function");
        }
        const NameEntry* entry = names_.find(name);
        if (entry == nullptr || entry->meaning != Meaning::function) {
            return fail_at(at, "there is no function " + quote(name));
        }
        function = entry->index;
        if (&function == functions.data() && !expect(',')) {
            return false;
        }
    }
    aliases_.emplace_back(functions[0], functions[1]);
    return expect(';');
}

bool Parser::module_variable(Space space, bool external) {
    VariableHead head;
    if (space == Space::local || space == Space::param) {
        return fail("a module has no .local or .param variables");
    }
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
        std::uint32_t index = 0;
        Symbol symbol = new_symbol(name, space, head);
        symbol.external = external;
        if (!array_bounds(symbol, head, bounds) || !size_symbol(symbol, bounds) ||
            !declare_global(std::move(symbol), name, at, index)) {
            return false;
        }
        if (lexer_.take('=') && !initialiser(index, bounds)) {
            return false;
        }
        const Symbol& made = module_.globals[index];
        if (made.bytes == 0 && !made.external) {
            return fail_at(at, quote(name) + " has no size");
        }
        if ((space == Space::global || space == Space::constant) && !count_data(made.bytes)) {
            return false;
        }
    } while (lexer_.take(','));
    return expect(';');
}

/// A function that is an alias has no body of its own: whoever names it means the other one.
void Parser::apply_aliases() {
    if (aliases_.empty()) {
        return;
    }
    std::vector<std::uint32_t> meant(module_.functions.size());
    for (std::uint32_t i = 0; i < meant.size(); ++i) {
        meant[i] = i;
    }
    for (const auto& [alias, function] : aliases_) {
        if (module_.functions[alias].declared) {
            meant[alias] = meant[function];
        }
    }
    for (Symbol& symbol : module_.globals) {
        for (Relocation& relocation : symbol.relocations) {
            if (relocation.function) {
                relocation.symbol = meant[relocation.symbol];
            }
        }
    }
    std::vector<Operand*> open;
    for (Function& function : module_.functions) {
        for (Instruction& instruction : function.instructions) {
            for (Operand& operand : instruction.operands) {
                open.push_back(&operand);
            }
            while (!open.empty()) {
                Operand& operand = *open.back();
                open.pop_back();
                if (operand.kind == Operand::Kind::function) {
                    operand.index = meant[operand.index];
                }
                for (Operand& part : operand.parts) {
                    open.push_back(&part);
                }
            }
        }
    }
}

ParseResult parse(std::string_view text, const ParseLimits& limits) {
    ParseResult result;
    if (text.size() > limits.text_bytes) {
        result.errors.push_back(
            {1, 0, "the text is longer than " + std::to_string(limits.text_bytes) + " bytes"});
        return result;
    }
    try {
        return Parser(text, limits).run();
    } catch (const std::bad_alloc&) {
        result.errors.push_back({1, 0, "the module does not fit into memory"});
        return result;
    }
}

}  // namespace kw::emu
