// SPDX-License-Identifier: Apache-2.0
// Labels and the lists and prototypes that carry one. A label is known in its { } scope and those
// inside, also before it is placed, so references are bound when a scope ends.
#include "evaluator/device/emulated/engine/parser.hpp"

namespace kw::emu {

bool Parser::label(std::string_view name, TextPosition at) {
    if (name.find('.') != std::string_view::npos) {
        return fail_at(at, quote(name) + " is not a label");
    }
    std::string_view directive;
    if (lexer_.peek() == '.') {
        directive = lexer_.directive();
        if (directive == ".callprototype") {
            return call_prototype(name, at);
        }
        if (directive == ".branchtargets" || directive == ".calltargets") {
            return target_list(name, at, directive == ".calltargets");
        }
    }
    const auto next = static_cast<std::uint32_t>(function_.instructions.size());
    if (!names_.declare(name, Meaning::label, next, 1)) {
        return fail_at(at, quote(name) + " is declared twice");
    }
    return directive.empty() || body_directive(directive, at);
}

/// "name : .callprototype (.param .b32 _) _ (.param .b64 _);": a declared function of that shape.
bool Parser::call_prototype(std::string_view name, TextPosition at) {
    Function prototype;
    prototype.name = std::string(name);
    prototype.declared = true;
    std::vector<Parameter> results;
    std::vector<Parameter> parameters;
    if (!count_symbol() || (lexer_.peek() == '(' && !parameter_list(results))) {
        return false;
    }
    if (lexer_.name() != "_") {
        return fail("expected '_' in a prototype");
    }
    if ((lexer_.peek() == '(' && !parameter_list(parameters)) || !function_attributes(prototype) ||
        !add_parameters(prototype, parameters, false, false) ||
        !add_parameters(prototype, results, true, false)) {
        return false;
    }
    const auto index = static_cast<std::uint32_t>(module_.functions.size());
    if (!names_.declare(name, Meaning::function, index, 1)) {
        return fail_at(at, quote(name) + " is declared twice");
    }
    module_.functions.push_back(std::move(prototype));
    return expect(';');
}

bool Parser::target_list(std::string_view name, TextPosition at, bool functions) {
    const auto list = static_cast<std::uint32_t>(lists_.size());
    if (!names_.declare(name, Meaning::targets, list, 1)) {
        return fail_at(at, quote(name) + " is declared twice");
    }
    lists_.emplace_back();
    do {
        const TextPosition target_at = lexer_.position();
        const std::string_view target = lexer_.name();
        if (target.empty()) {
            return fail_expected(functions ? "the name of a function" : "a label");
        }
        if (!count_operand()) {
            return false;
        }
        Operand& made = lists_[list].emplace_back();
        if (!functions) {
            made.kind = Operand::Kind::label;
            pending_.push_back(
                {target,
                 names_.slot_of(target),
                 list,
                 static_cast<std::uint32_t>(lists_[list].size() - 1),
                 true,
                 target_at});
            continue;
        }
        const NameEntry* entry = names_.find(target);
        if (entry == nullptr || entry->meaning != Meaning::function) {
            return fail_at(target_at, "there is no function " + quote(target));
        }
        made.kind = Operand::Kind::function;
        made.index = entry->index;
        made.text = std::string(target);
    } while (lexer_.take(','));
    return expect(';');
}

/// Binds what the innermost scope places; the rest may be placed further out.
void Parser::bind_pending(std::size_t first) {
    std::size_t kept = first;
    for (std::size_t i = first; i < pending_.size(); ++i) {
        const PendingLabel& pending = pending_[i];
        const NameEntry* entry = names_.find(pending.slot);
        const bool here = entry != nullptr && entry->depth == names_.depth();
        Operand& operand = pending.in_list
                               ? lists_[pending.owner][pending.operand]
                               : function_.instructions[pending.owner].operands[pending.operand];
        if (here && entry->meaning == Meaning::label) {
            operand.index = entry->index;
        } else if (here && entry->meaning == Meaning::targets && !pending.in_list) {
            list_uses_.push_back({pending.owner, pending.operand, entry->index});
        } else if (here) {
            report(pending.at, quote(pending.name) + " is not a label");
        } else {
            pending_[kept++] = pending;
        }
    }
    pending_.resize(kept);
}

/// Lists are whole only when the function is: now they go to the instructions that name them.
void Parser::use_lists() {
    for (const ListUse& use : list_uses_) {
        Operand& operand = function_.instructions[use.instruction].operands[use.operand];
        operand.kind = Operand::Kind::list;
        if (!list_copy(use.list, operand.parts)) {
            return;
        }
    }
}

bool Parser::list_copy(std::uint32_t list, std::vector<Operand>& parts) {
    for (const Operand& part : lists_[list]) {
        if (!count_operand()) {
            return false;
        }
        parts.push_back(part);
    }
    return true;
}

}  // namespace kw::emu
