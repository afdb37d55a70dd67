// SPDX-License-Identifier: Apache-2.0
// The state of one parse() and its recursive descent. A parsing function returns false after it has
// reported an error; the caller goes on behind the next ';'. No limit of ParseLimits is ever
// passed, so time and memory are bounded by the text's size.
#pragma once

#include "evaluator/device/emulated/engine/lexer.hpp"
#include "evaluator/device/emulated/engine/parse_names.hpp"
#include "evaluator/device/emulated/engine/syntax.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace kw::emu {

struct ScalarType {
    char kind = 'b';
    std::uint8_t bits = 32;
};

/// ".u32" and the like; nothing for any other directive.
[[nodiscard]] std::optional<ScalarType> scalar_type(std::string_view directive);
/// Whether "%name" is a register that the machine sets ("%tid", "%laneid", "%envreg3").
[[nodiscard]] bool is_special_register(std::string_view name);

/// A name as a message shows it: cut to 60 characters.
[[nodiscard]] std::string quote(std::string_view name);

class Parser {
public:
    Parser(std::string_view text, const ParseLimits& limits)
        : lexer_(text)
        , limits_(limits) {}

    ParseResult run();
    void report(TextPosition at, std::string message);
    ParseResult take_result() { return {std::move(module_), std::move(errors_)}; }

private:
    /// What stands between a space directive and the names: ".align 4 .v2 .b32".
    struct VariableHead {
        std::uint32_t align = 0;  ///< 0: natural
        std::uint32_t vector = 1;
        ScalarType type;
    };
    struct Parameter {
        Symbol symbol;
        std::string_view name;
        TextPosition at;
    };
    /// A label or list that an operand names; bound when the scope that places it ends.
    struct PendingLabel {
        std::string_view name;
        std::uint32_t slot = 0;
        std::uint32_t owner = 0;  ///< instruction, or list if `in_list`
        std::uint32_t operand = 0;
        bool in_list = false;
        TextPosition at;
    };
    struct Scope {
        std::size_t first_pending = 0;
        TextPosition opened;
    };
    struct ListUse {
        std::uint32_t instruction = 0;
        std::uint32_t operand = 0;
        std::uint32_t list = 0;
    };

    // parse.cpp: errors and the module
    bool fail(std::string message);
    bool fail_at(TextPosition at, std::string message);
    /// "expected <what>", with what stands there instead.
    bool fail_expected(std::string_view what);
    bool expect(char c);
    bool integer(std::int64_t low, std::int64_t high, std::int64_t& value);
    bool count_symbol();
    void module_statement();
    void skip_to_next_declaration();
    bool directive_statement(std::string_view directive, TextPosition at);
    bool target_directive();
    bool file_directive();
    bool section_directive();
    bool pragma_directive();
    bool alias_directive();
    bool module_variable(Space space, bool external);
    void apply_aliases();

    // parse_data.cpp: variables and their initial values
    bool attribute_list();
    bool variable_head(VariableHead& head);
    bool array_bounds(Symbol& symbol, const VariableHead& head, std::vector<std::uint64_t>& bounds);
    bool size_symbol(Symbol& symbol, const std::vector<std::uint64_t>& bounds);
    Symbol new_symbol(std::string_view name, Space space, const VariableHead& head) const;
    bool declare_global(
        Symbol symbol, std::string_view name, TextPosition at, std::uint32_t& index);
    bool initialiser(std::uint32_t global, const std::vector<std::uint64_t>& bounds);
    bool initial_values(
        Symbol& symbol,
        const std::vector<std::uint64_t>& bounds,
        std::size_t level,
        std::uint64_t& at);
    bool initial_value(Symbol& symbol, std::uint64_t at);
    bool initial_address(Symbol& symbol, std::uint64_t at);
    bool count_data(std::uint64_t bytes);

    // parse_expression.cpp: constants
    bool constant(Number& value, int depth = 0);
    bool constant_binary(Number& value, int lowest, int depth);
    bool constant_unary(Number& value, int depth);
    bool constant_primary(Number& value, int depth);
    bool constant_cast(Number& value, int depth, bool& was_cast);
    bool constant_choice(Number& value, int depth);
    /// "+8-4": as many as there are.
    bool offset_terms(std::int64_t& offset);

    // parse_function.cpp: functions, scopes and what is declared in them
    bool function(bool kernel);
    bool parameter_list(std::vector<Parameter>& parameters);
    bool function_attributes(Function& function);
    bool dimensions(std::optional<std::array<std::uint32_t, 3>>& sizes);
    bool parameter(Parameter& parameter);
    /// Moves them into the function; declares their names unless it is a prototype.
    bool add_parameters(
        Function& function, std::vector<Parameter>& parameters, bool results, bool declare);
    bool function_index(std::string_view name, TextPosition at, std::uint32_t& index);
    bool function_definition(std::uint32_t index, TextPosition at);
    void begin_body();
    bool body();
    bool open_scope(TextPosition at);
    void close_scope();
    void recover_in_body();
    bool statement();
    bool body_directive(std::string_view directive, TextPosition at);
    bool registers();
    bool register_range(std::string_view prefix, ScalarType type, TextPosition at);
    bool single_register(std::string_view name, const VariableHead& head, TextPosition at);
    bool count_registers(std::uint64_t count, std::uint64_t name_bytes);
    bool body_variables(Space space);
    bool location();
    bool inlined_at(std::pair<std::int32_t, std::int32_t>& root);

    // parse_labels.cpp: labels and what may follow one
    bool label(std::string_view name, TextPosition at);
    bool call_prototype(std::string_view name, TextPosition at);
    bool target_list(std::string_view name, TextPosition at, bool functions);
    void bind_pending(std::size_t first);
    void use_lists();
    bool list_copy(std::uint32_t list, std::vector<Operand>& parts);

    // parse_instruction.cpp
    bool guarded_instruction();
    bool instruction(std::string_view word, std::optional<Guard> guard, TextPosition at);
    bool full_opcode(std::string_view word, std::string& opcode);
    bool plain_operands(std::string_view base);
    bool call_operands();
    bool call_list(Operand& out);
    bool operand(Operand& out, int depth);
    bool simple_operand(Operand& out, int depth);
    bool operand_list(Operand& out, Operand::Kind kind, char close, int depth);
    bool memory_operand(Operand& out, int depth);
    bool negated_operand(Operand& out);
    bool constant_operand(Operand& out);
    bool name_operand(Operand& out);
    bool named_operand(std::string_view name, std::string_view selector, Operand& out);
    bool vector_register(const NameEntry& entry, std::string_view selector, Operand& out);
    bool label_operand(Operand& out);
    bool count_operand();

    Lexer lexer_;
    ParseLimits limits_;
    Module module_;
    std::vector<PtxError> errors_;
    Names names_;
    std::vector<std::pair<std::uint32_t, std::uint32_t>>
        aliases_;  ///< function, what it stands for

    Function function_;  ///< the one whose body is being read
    std::vector<Scope> scopes_;
    std::vector<PendingLabel> pending_;
    std::vector<std::vector<Operand>> lists_;  ///< of this function
    std::vector<ListUse> list_uses_;
    std::vector<Operand> operands_;  ///< of this instruction
    int open_vectors_ = 0;           ///< braces of operands that are open in this statement
    Location at_;                    ///< as the last .loc said
    /// Root of the inlining chain by place (file, line, column), as the last .loc for it said.
    std::unordered_map<std::uint64_t, std::pair<std::int32_t, std::int32_t>> roots_;

    std::size_t instruction_count_ = 0;
    std::size_t operand_count_ = 0;
    std::size_t register_count_ = 0;
    std::size_t register_name_bytes_ = 0;
    std::size_t symbol_count_ = 0;
    std::uint64_t data_bytes_ = 0;
};

}  // namespace kw::emu
