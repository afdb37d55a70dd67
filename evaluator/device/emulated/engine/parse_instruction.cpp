// SPDX-License-Identifier: Apache-2.0
// Instructions: guard, opcode text and operands with their names looked up.
#include "evaluator/device/emulated/engine/parser.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace kw::emu {

namespace {

constexpr std::size_t k_longest_opcode = 256;
/// A wgmma has 128 registers in a vector; a call may have more arguments than any instruction.
constexpr std::size_t k_most_parts = 512;

constexpr std::array<std::string_view, 46> k_special_registers = {
    "%aggr_smem_size",
    "%clock",
    "%clock64",
    "%clock_hi",
    "%cluster_ctaid",
    "%cluster_ctarank",
    "%cluster_nctaid",
    "%cluster_nctarank",
    "%clusterid",
    "%ctaid",
    "%current_graph_exec",
    "%dynamic_smem_size",
    "%globaltimer",
    "%globaltimer_hi",
    "%globaltimer_lo",
    "%gridid",
    "%is_explicit_cluster",
    "%laneid",
    "%lanemask_eq",
    "%lanemask_ge",
    "%lanemask_gt",
    "%lanemask_le",
    "%lanemask_lt",
    "%nclusterid",
    "%nctaid",
    "%nsmid",
    "%ntid",
    "%nwarpid",
    "%pm0",
    "%pm0_64",
    "%pm1",
    "%pm1_64",
    "%pm2",
    "%pm2_64",
    "%pm3",
    "%pm3_64",
    "%pm4",
    "%pm4_64",
    "%pm5",
    "%pm5_64",
    "%pm6",
    "%pm6_64",
    "%smid",
    "%tid",
    "%total_smem_size",
    "%warpid",
};
static_assert(std::is_sorted(k_special_registers.begin(), k_special_registers.end()));

}  // namespace

bool is_special_register(std::string_view name) {
    return std::binary_search(k_special_registers.begin(), k_special_registers.end(), name) ||
           name.starts_with("%envreg") || name.starts_with("%pm7") ||
           name.starts_with("%reserved_smem_offset_");
}

bool Parser::guarded_instruction() {
    lexer_.take('@');
    Guard guard;
    guard.negated = lexer_.take('!');
    const TextPosition at = lexer_.position();
    const std::string_view name = lexer_.name();
    const NameEntry* entry = name.empty() ? nullptr : names_.find_register(name, guard.reg);
    if (entry == nullptr || (entry->meaning != Meaning::reg && entry->meaning != Meaning::range) ||
        function_.registers[guard.reg].kind != 'p') {
        return name.empty() ? fail_expected("a predicate")
                            : fail_at(at, quote(name) + " is not a predicate register");
    }
    const TextPosition word_at = lexer_.position();
    const std::string_view word = lexer_.opcode();
    return word.empty() ? fail_expected("an instruction") : instruction(word, guard, word_at);
}

/// A modifier may stand apart from its opcode: "ld.global .u32".
bool Parser::full_opcode(std::string_view word, std::string& opcode) {
    opcode = word;
    while (lexer_.peek() == '.') {
        opcode += lexer_.opcode();
        if (opcode.size() > k_longest_opcode) {
            break;
        }
    }
    return opcode.size() <= k_longest_opcode;
}

bool Parser::instruction(std::string_view word, std::optional<Guard> guard, TextPosition at) {
    if (instruction_count_ == limits_.instructions) {
        report(at, "more than " + std::to_string(limits_.instructions) + " instructions");
        lexer_.stop();
        return false;
    }
    ++instruction_count_;
    const char first = word.front();
    if (first == '_' || first == '$' || first == '%' || (first >= '0' && first <= '9')) {
        return fail_at(at, quote(word) + " is not an instruction");
    }
    Instruction made;
    if (word.size() > k_longest_opcode || !full_opcode(word, made.opcode)) {
        return fail_at(at, "this opcode is too long");
    }
    operands_.clear();
    const std::string_view base = word.substr(0, word.find('.'));
    const std::size_t first_pending = pending_.size();
    if (!(base == "call" ? call_operands() : plain_operands(base))) {
        pending_.resize(first_pending);
        return false;
    }
    made.guard = guard;
    made.operands.assign(
        std::make_move_iterator(operands_.begin()), std::make_move_iterator(operands_.end()));
    made.at = at_;
    made.at.ptx_line = at.line;
    function_.instructions.push_back(std::move(made));
    return true;
}

bool Parser::plain_operands(std::string_view base) {
    if (lexer_.take(';')) {
        return true;
    }
    do {
        const bool is_label =
            (base == "bra" && operands_.empty()) || (base == "brx" && operands_.size() == 1);
        if (operands_.size() >= k_most_parts) {
            return fail("too many operands");
        }
        Operand& out = operands_.emplace_back();
        if (!(is_label ? label_operand(out) : operand(out, 0))) {
            return false;
        }
    } while (lexer_.take(','));
    return lexer_.take(';') || fail_expected("',' or ';'");
}

/// "(results), callee, (arguments), prototype"; all but the callee may be missing.
bool Parser::call_operands() {
    while (true) {
        if (operands_.size() >= k_most_parts) {
            return fail("too many operands");
        }
        Operand& out = operands_.emplace_back();
        if (!(lexer_.take('(') ? call_list(out) : operand(out, 0))) {
            return false;
        }
        if (!lexer_.take(',')) {
            return lexer_.take(';') || fail_expected("',' or ';'");
        }
    }
}

bool Parser::call_list(Operand& out) {
    out.kind = Operand::Kind::list;
    return count_operand() && (lexer_.take(')') || operand_list(out, Operand::Kind::list, ')', 1));
}

bool Parser::count_operand() {
    if (operand_count_ >= limits_.operands) {
        fail("more than " + std::to_string(limits_.operands) + " operands");
        lexer_.stop();
        return false;
    }
    ++operand_count_;
    return true;
}

/// One operand, or a pair p|q.
bool Parser::operand(Operand& out, int depth) {
    if (!simple_operand(out, depth)) {
        return false;
    }
    if (lexer_.peek() != '|') {
        return true;
    }
    Operand pair;
    pair.kind = Operand::Kind::pair;
    pair.parts.push_back(std::move(out));
    lexer_.take('|');
    if (!simple_operand(pair.parts.emplace_back(), depth)) {
        return false;
    }
    out = std::move(pair);
    return true;
}

bool Parser::simple_operand(Operand& out, int depth) {
    if (depth > limits_.depth) {
        return fail("this operand is nested too deeply");
    }
    if (!count_operand()) {
        return false;
    }
    switch (lexer_.peek()) {
        case '[': return memory_operand(out, depth);
        case '{':
            lexer_.take('{');
            ++open_vectors_;
            return operand_list(out, Operand::Kind::vector, '}', depth + 1) && open_vectors_-- > 0;
        case '!':
        case '-': return negated_operand(out);
        case 'W':
            if (Lexer(lexer_).name() == "WARP_SZ") {
                return constant_operand(out);
            }
            return name_operand(out);
        default: return lexer_.at_name() ? name_operand(out) : constant_operand(out);
    }
}

/// Behind the opening bracket; at least one part.
bool Parser::operand_list(Operand& out, Operand::Kind kind, char close, int depth) {
    out.kind = kind;
    do {
        if (out.parts.size() >= k_most_parts) {
            return fail("too many parts in one operand");
        }
        if (!operand(out.parts.emplace_back(), depth)) {
            return false;
        }
    } while (lexer_.take(','));
    return lexer_.take(close) || fail_expected(std::string("',' or '") + close + "'");
}

/// "[a]", "[a+8]", "[0x100]", "[map, {x, y}]".
bool Parser::memory_operand(Operand& out, int depth) {
    out.kind = Operand::Kind::memory;
    lexer_.take('[');
    Operand& base = out.parts.emplace_back();
    if (!operand(base, depth + 1)) {
        return false;
    }
    if (base.kind != Operand::Kind::reg && base.kind != Operand::Kind::global &&
        base.kind != Operand::Kind::local && base.kind != Operand::Kind::integer) {
        return fail("an address begins with a register, a variable or a number");
    }
    // The offset of "[name+8]" was read with the name.
    out.offset = base.offset;
    base.offset = 0;
    if (!offset_terms(out.offset)) {
        return false;
    }
    while (lexer_.take(',')) {
        if (out.parts.size() >= k_most_parts) {
            return fail("too many parts in one operand");
        }
        if (!operand(out.parts.emplace_back(), depth + 1)) {
            return false;
        }
    }
    return lexer_.take(']') || fail_expected("',' or ']'");
}

/// "!p" and "-r"; before a number the sign belongs to a constant.
bool Parser::negated_operand(Operand& out) {
    const TextPosition at = lexer_.position();
    Lexer ahead = lexer_;
    ahead.take(ahead.peek());
    if (!ahead.at_name() || Lexer(ahead).name() == "WARP_SZ") {
        return constant_operand(out);
    }
    lexer_ = ahead;
    if (!name_operand(out)) {
        return false;
    }
    out.negated = true;
    return out.kind == Operand::Kind::reg || fail_at(at, "only a register can be negated");
}

bool Parser::constant_operand(Operand& out) {
    Number value;
    if (!constant(value)) {
        return false;
    }
    out.kind = value.kind == 'f'   ? Operand::Kind::real32
               : value.kind == 'd' ? Operand::Kind::real64
                                   : Operand::Kind::integer;
    out.bits = value.bits;
    return true;
}

bool Parser::name_operand(Operand& out) {
    const TextPosition at = lexer_.position();
    const std::string_view name = lexer_.name();
    const std::string_view selector = lexer_.selector();
    if (name == "_") {
        out.kind = Operand::Kind::sink;
        return true;
    }
    return named_operand(name, selector, out) ||
           fail_at(at, "there is no " + quote(name) + " here");
}

bool Parser::named_operand(std::string_view name, std::string_view selector, Operand& out) {
    const NameEntry* entry = names_.find_register(name, out.index);
    if (entry == nullptr) {
        if (!is_special_register(name)) {
            return false;
        }
        out.kind = Operand::Kind::special;
        out.text = std::string(name) + std::string(selector);
        return true;
    }
    switch (entry->meaning) {
        case Meaning::reg:
        case Meaning::range:
            out.kind = Operand::Kind::reg;
            out.text = selector;
            return true;
        case Meaning::vector: return vector_register(*entry, selector, out);
        case Meaning::symbol:
        case Meaning::global:
            out.kind =
                entry->meaning == Meaning::global ? Operand::Kind::global : Operand::Kind::local;
            out.index = entry->index;
            return selector.empty() && offset_terms(out.offset);
        case Meaning::function:
            out.kind = Operand::Kind::function;
            out.index = entry->index;
            out.text = name;
            return true;
        case Meaning::targets:
            out.kind = Operand::Kind::list;
            return list_copy(entry->index, out.parts);
        case Meaning::label: return false;
    }
    return false;
}

/// "v.y" is one register of ".reg .v4 .f32 v", "v" all of them.
bool Parser::vector_register(const NameEntry& entry, std::string_view selector, Operand& out) {
    if (selector.empty()) {
        out.kind = Operand::Kind::vector;
        for (std::uint32_t i = 0; i < entry.count; ++i) {
            if (!count_operand()) {
                return false;
            }
            Operand& part = out.parts.emplace_back();
            part.kind = Operand::Kind::reg;
            part.index = entry.index + i;
        }
        return true;
    }
    constexpr std::string_view k_components = "xyzwrgba";
    const std::size_t component =
        selector.size() == 2 ? k_components.find(selector[1]) : std::string_view::npos;
    if (component == std::string_view::npos || component % 4 >= entry.count) {
        return false;
    }
    out.kind = Operand::Kind::reg;
    out.index = entry.index + static_cast<std::uint32_t>(component % 4);
    return true;
}

/// The target of a branch, bound when the scope that places it ends.
bool Parser::label_operand(Operand& out) {
    const TextPosition at = lexer_.position();
    const std::string_view name = lexer_.name();
    if (name.empty()) {
        return fail_expected("a label");
    }
    if (!count_operand()) {
        return false;
    }
    out.kind = Operand::Kind::label;
    pending_.push_back(
        {name,
         names_.slot_of(name),
         static_cast<std::uint32_t>(function_.instructions.size()),
         static_cast<std::uint32_t>(operands_.size() - 1),
         false,
         at});
    return true;
}

}  // namespace kw::emu
