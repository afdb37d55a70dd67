// SPDX-License-Identifier: Apache-2.0
// Functions: heading, parameters, attributes and the scopes of a body.
#include "evaluator/device/emulated/engine/parser.hpp"

#include <algorithm>

namespace kw::emu {

bool Parser::function(bool kernel) {
    function_ = Function{};
    function_.kernel = kernel;
    std::vector<Parameter> results;
    std::vector<Parameter> parameters;
    if (!function_attributes(function_) ||
        (!kernel && lexer_.peek() == '(' && !parameter_list(results)) ||
        !function_attributes(function_)) {
        return false;
    }
    const TextPosition at = lexer_.position();
    const std::string_view name = lexer_.name();
    if (name.empty()) {
        return fail_expected("the name of a function");
    }
    function_.name = std::string(name);
    std::uint32_t index = 0;
    if (!function_index(name, at, index) || !function_attributes(function_) ||
        (lexer_.peek() == '(' && !parameter_list(parameters)) || !function_attributes(function_)) {
        return false;
    }
    names_.enter();
    begin_body();
    bool good = add_parameters(function_, parameters, false, true) &&
                add_parameters(function_, results, true, true);
    if (good && lexer_.take(';')) {
        function_.declared = true;
        names_.leave();
    } else if (good && lexer_.peek() == '{') {
        good = body();
    } else {
        good = good && fail_expected("'{' or ';'");
        names_.leave();
    }
    return good && function_definition(index, at);
}

/// The function's place in the module; a new name makes one.
bool Parser::function_index(std::string_view name, TextPosition at, std::uint32_t& index) {
    const NameEntry* present = names_.find(name);
    if (present != nullptr && present->meaning == Meaning::function) {
        index = present->index;
        return true;
    }
    index = static_cast<std::uint32_t>(module_.functions.size());
    if (!names_.declare(name, Meaning::function, index, 1)) {
        return fail_at(at, quote(name) + " is declared twice");
    }
    if (!count_symbol()) {
        return false;
    }
    Function& made = module_.functions.emplace_back();
    made.name = std::string(name);
    made.declared = true;
    return true;
}

bool Parser::function_definition(std::uint32_t index, TextPosition at) {
    Function& known = module_.functions[index];
    if (!known.declared && !function_.declared) {
        return fail_at(at, quote(function_.name) + " is defined twice");
    }
    if (known.declared) {
        known = std::move(function_);
    }
    return true;
}

/// What may stand before and behind the name; unknown ones are errors, for they may change meaning.
bool Parser::function_attributes(Function& function) {
    while (lexer_.peek() == '.') {
        const TextPosition at = lexer_.position();
        const std::string_view directive = lexer_.directive();
        std::int64_t number = 0;
        bool good = true;
        if (directive == ".maxntid") {
            good = dimensions(function.max_threads);
        } else if (directive == ".reqntid") {
            good = dimensions(function.required_threads);
        } else if (directive == ".reqnctapercluster") {
            good = dimensions(function.required_cluster);
        } else if (directive == ".attribute") {
            good = attribute_list();
        } else if (directive == ".pragma") {
            good = pragma_directive();
        } else if (
            directive == ".minnctapersm" || directive == ".maxnctapersm" ||
            directive == ".maxnreg" || directive == ".maxclusterrank" ||
            directive == ".abi_preserve" || directive == ".abi_preserve_control") {
            good = integer(0, UINT32_MAX, number);
        } else if (
            directive != ".noreturn" && directive != ".explicitcluster" &&
            directive != ".blocksareclusters") {
            good =
                fail_at(at, "unknown directive " + quote(directive) + " in a function's heading");
        }
        if (!good) {
            return false;
        }
    }
    return true;
}

bool Parser::dimensions(std::optional<std::array<std::uint32_t, 3>>& sizes) {
    std::array<std::uint32_t, 3> read = {1, 1, 1};
    std::size_t count = 0;
    do {
        std::int64_t size = 0;
        if (count == read.size()) {
            return fail("more than three dimensions");
        }
        if (!integer(1, UINT32_MAX, size)) {
            return false;
        }
        read[count++] = static_cast<std::uint32_t>(size);
    } while (lexer_.take(','));
    sizes = read;
    return true;
}

bool Parser::parameter_list(std::vector<Parameter>& parameters) {
    if (!expect('(')) {
        return false;
    }
    if (lexer_.take(')')) {
        return true;
    }
    do {
        if (!count_symbol() || !parameter(parameters.emplace_back())) {
            return false;
        }
    } while (lexer_.take(','));
    return expect(')');
}

bool Parser::parameter(Parameter& parameter) {
    const TextPosition at = lexer_.position();
    const std::string_view space = lexer_.directive();
    VariableHead head;
    std::vector<std::uint64_t> bounds;
    if (space == ".reg") {
        return fail_at(at, "parameters in registers are not supported, those in .param are");
    }
    if (space != ".param") {
        return fail_at(at, "expected .param");
    }
    if (!variable_head(head)) {
        return false;
    }
    parameter.at = lexer_.position();
    parameter.name = lexer_.name();
    if (parameter.name.empty()) {
        return fail_expected("the name of a parameter");
    }
    parameter.symbol = new_symbol(parameter.name, Space::param, head);
    return array_bounds(parameter.symbol, head, bounds) && size_symbol(parameter.symbol, bounds);
}

bool Parser::add_parameters(
    Function& function, std::vector<Parameter>& parameters, bool results, bool declare) {
    for (Parameter& parameter : parameters) {
        const auto index = static_cast<std::uint32_t>(function.symbols.size());
        if (declare && parameter.name != "_" &&
            !names_.declare(parameter.name, Meaning::symbol, index, 1)) {
            return fail_at(parameter.at, quote(parameter.name) + " is declared twice");
        }
        (results ? function.results : function.params).push_back(index);
        function.symbols.push_back(std::move(parameter.symbol));
    }
    return true;
}

void Parser::begin_body() {
    scopes_.clear();
    pending_.clear();
    lists_.clear();
    list_uses_.clear();
    at_ = Location{};
}

/// From '{' to its '}'. The names of the parameters are declared; they end with the body.
bool Parser::body() {
    scopes_.push_back({0, lexer_.position()});
    lexer_.take('{');
    while (!scopes_.empty()) {
        const TextPosition at = lexer_.position();
        if (lexer_.at_end()) {
            const TextPosition opened = scopes_.back().opened;
            while (!scopes_.empty()) {
                scopes_.pop_back();
                names_.leave();
            }
            return fail_at(opened, "this '{' is not closed");
        }
        if (lexer_.take('}')) {
            close_scope();
        } else if (lexer_.take('{')) {
            if (!open_scope(at)) {
                recover_in_body();
            }
        } else if (!statement()) {
            recover_in_body();
        }
    }
    return true;  // errors inside are reported and passed over
}

bool Parser::open_scope(TextPosition at) {
    if (names_.depth() >= limits_.depth) {
        report(at, "these scopes are nested too deeply");
        lexer_.stop();
        return false;
    }
    names_.enter();
    scopes_.push_back({pending_.size(), at});
    return true;
}

void Parser::close_scope() {
    bind_pending(scopes_.back().first_pending);
    scopes_.pop_back();
    if (scopes_.empty()) {
        for (const PendingLabel& pending : pending_) {
            report(pending.at, "label " + quote(pending.name) + " is not placed in this function");
        }
        use_lists();
    }
    names_.leave();
}

/// Behind the next ';', or before a '}' that closes a scope.
void Parser::recover_in_body() {
    int depth = open_vectors_;
    while (!lexer_.at_end()) {
        if (lexer_.take(';')) {
            return;
        }
        if (lexer_.peek() == '}' && depth == 0) {
            return;
        }
        depth += lexer_.peek() == '{' ? 1 : lexer_.peek() == '}' ? -1 : 0;
        lexer_.step();
    }
}

bool Parser::statement() {
    open_vectors_ = 0;
    const TextPosition at = lexer_.position();
    if (lexer_.peek() == '@') {
        return guarded_instruction();
    }
    if (lexer_.peek() == '.') {
        return body_directive(lexer_.directive(), at);
    }
    if (lexer_.take(';')) {
        return true;
    }
    const std::string_view word = lexer_.opcode();
    if (word.empty()) {
        return fail_expected("an instruction");
    }
    if (lexer_.take(':')) {
        return label(word, at);
    }
    return instruction(word, std::nullopt, at);
}

bool Parser::body_directive(std::string_view directive, TextPosition at) {
    if (directive == ".loc") {
        return location();
    }
    if (directive == ".reg") {
        return registers();
    }
    if (directive == ".param") {
        return body_variables(Space::param);
    }
    if (directive == ".shared") {
        return body_variables(Space::shared);
    }
    if (directive == ".local") {
        return body_variables(Space::local);
    }
    if (directive == ".global" || directive == ".const") {
        return module_variable(directive == ".const" ? Space::constant : Space::global, false);
    }
    if (directive == ".extern") {
        const std::string_view space = lexer_.directive();
        return space == ".shared" ? module_variable(Space::shared, true) : fail_expected(".shared");
    }
    if (directive == ".pragma") {
        return pragma_directive();
    }
    if (directive == ".file") {
        return file_directive();
    }
    return fail_at(at, "unknown directive " + quote(directive) + " in a function");
}

}  // namespace kw::emu
