// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/plan_parse.hpp"

#include "core/config.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace kw::cuda {
namespace {

bool contains(const std::vector<std::string>& list, std::string_view name) {
    return std::find(list.begin(), list.end(), name) != list.end();
}

/// core says "expression '...', column N: what"; the place is told apart from the message.
struct ExprMistake {
    std::size_t column = 1;
    std::string what;
};
ExprMistake mistake_of(const std::string& message) {
    constexpr std::string_view k_mark = "', column ";
    ExprMistake mistake;
    mistake.what = message;
    const std::size_t at = message.rfind(k_mark);
    if (at == std::string::npos) {
        return mistake;
    }
    const char* begin = message.data() + at + k_mark.size();
    const char* end = message.data() + message.size();
    const auto read = std::from_chars(begin, end, mistake.column);
    if (read.ec == std::errc() && end - read.ptr > 2 && *read.ptr == ':') {
        mistake.what = std::string(read.ptr + 2, end);
    }
    return mistake;
}

/// Where `name` stands as a word of `text`.
std::size_t find_word(std::string_view text, std::string_view name) {
    const auto is_part = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    };
    for (std::size_t at = text.find(name); at != std::string_view::npos;
         at = text.find(name, at + 1)) {
        const std::size_t end = at + name.size();
        if ((at == 0 || !is_part(text[at - 1])) && (end >= text.size() || !is_part(text[end]))) {
            return at;
        }
    }
    return 0;
}

}  // namespace

std::string one_of_list(const std::vector<std::string>& names) {
    constexpr std::size_t k_most = 12;
    std::string text;
    const std::size_t shown = std::min(names.size(), k_most);
    for (std::size_t i = 0; i < shown; ++i) {
        const bool last = i + 1 == shown && names.size() <= k_most;
        text += (i == 0 ? "" : (last ? " or " : ", ")) + names[i];
    }
    return names.size() > k_most ? text + ", ..." : text;
}

std::string nearest_or_list(std::string_view given, const std::vector<std::string>& names) {
    const auto nearest = did_you_mean(std::string(given.substr(0, 80)), names);
    return nearest ? *nearest : one_of_list(names);
}

PlanReader::PlanReader(std::string_view source, const PlanScope& scope, ParsedPlan& out)
    : scope_(scope)
    , out_(out) {
    read_constants(source);
}

void PlanReader::read_constants(std::string_view source) {
    DimMap& values = out_.plan.constants;
    for (const ConstantText& constant : find_constants(source)) {
        std::optional<std::int64_t> value;
        const Result<DimExpr> expr = DimExpr::parse(constant.value);
        if (expr) {
            const Result<std::int64_t> result = expr->eval(values);
            value = result ? std::optional(*result) : std::nullopt;
        }
        const auto known = values.find(constant.name);
        const bool second = known != values.end() || ambiguous_.contains(constant.name);
        if (second && !(value && known != values.end() && known->second == *value)) {
            ambiguous_.insert(constant.name);
            values.erase(constant.name);
        } else if (value) {
            values[constant.name] = *value;
        } else {
            ambiguous_.insert(constant.name);
        }
    }
}

void PlanReader::fail_at(SourcePlace at, std::string what, std::string expected) {
    if (out_.problems.size() < k_most_problems) {
        out_.problems.push_back({at, std::move(what), std::move(expected)});
    }
}

void PlanReader::fail(
    const Directive& directive, std::size_t at, std::string what, std::string expected) {
    fail_at(
        directive.places[std::min(at, directive.places.size() - 1)],
        std::move(what),
        std::move(expected));
}

bool PlanReader::is_buffer(std::string_view name) const {
    const auto& spaces = out_.plan.workspaces;
    return contains(scope_.buffers, name) ||
           std::any_of(spaces.begin(), spaces.end(), [name](const Workspace& space) {
               return space.name == name;
           });
}

std::vector<std::string> PlanReader::buffer_names() const {
    std::vector<std::string> names = scope_.buffers;
    for (const Workspace& space : out_.plan.workspaces) {
        names.push_back(space.name);
    }
    return names;
}

std::vector<std::string> PlanReader::expression_names() const {
    std::vector<std::string> names = scope_.dims;
    for (const auto& [name, value] : out_.plan.constants) {
        names.push_back(name);
    }
    for (const auto& [name, value] : constant_map({})) {
        names.push_back(name);
    }
    return names;
}

bool PlanReader::names_known(
    const Directive& directive, const DimExpr& expr, std::string_view text, std::size_t at) {
    for (const std::string& name : expr.names()) {
        const bool dim = contains(scope_.dims, name);
        const bool constant = out_.plan.constants.contains(name) || ambiguous_.contains(name);
        const std::size_t place = at + find_word(text, name);
        if (dim && constant) {
            fail(
                directive,
                place,
                in_message(name) + " is a dim of the task and a constant of the file",
                "another name for the constant");
            return false;
        }
        if (ambiguous_.contains(name)) {
            fail(
                directive,
                place,
                in_message(name) + " has no single integer value in the file",
                "one '#define " + name.substr(0, 60) + " 8' or 'constexpr int'");
            return false;
        }
        if (!dim && !constant && !constant_map({}).contains(name)) {
            const bool buffer = is_buffer(name);
            fail(
                directive,
                place,
                (buffer ? "the buffer " + in_message(name) + " in an expression"
                        : "unknown name " + in_message(name) + " in an expression"),
                buffer ? "integers and dims; a pointer stands alone"
                       : nearest_or_list(name, expression_names()));
            return false;
        }
    }
    return true;
}

PlanExpr PlanReader::expression(const Directive& directive, std::string_view text, std::size_t at) {
    Result<DimExpr> expr = DimExpr::parse(text);
    if (!expr) {
        const ExprMistake mistake = mistake_of(expr.error().what);
        const std::size_t column = std::min(mistake.column, text.size() + 1);
        fail(directive, at + column - 1, "expression " + in_message(text) + ": " + mistake.what);
        return {};
    }
    if (!names_known(directive, *expr, text, at)) {
        return {};
    }
    return {std::move(expr).value(), directive.places[std::min(at, directive.places.size() - 1)]};
}

bool PlanReader::pieces(const Directive& directive, const Clause& clause, std::vector<Piece>& out) {
    if (!split_list(clause.value, out)) {
        fail(
            directive,
            clause.value_at,
            "the parentheses of " + in_message(clause.value) + " do not balance");
        return false;
    }
    for (Piece& piece : out) {
        piece.at += clause.value_at;
    }
    return true;
}

std::vector<PlanExpr> PlanReader::expressions(
    const Directive& directive, const Clause& clause, std::size_t most) {
    std::vector<Piece> parts;
    std::vector<PlanExpr> list;
    if (!pieces(directive, clause, parts)) {
        return list;
    }
    if (parts.empty() || parts.size() > most) {
        fail(
            directive,
            clause.value_at,
            std::string(clause.key) + " has " + std::to_string(parts.size()) + " values",
            most == 1 ? "1" : "1 to " + std::to_string(most));
        return list;
    }
    for (const Piece& piece : parts) {
        PlanExpr expr = expression(directive, piece.text, piece.at);
        if (expr.expr.empty()) {
            return {};
        }
        list.push_back(std::move(expr));
    }
    return list;
}

std::map<std::string, Clause, std::less<>> PlanReader::keyed_clauses(
    const Directive& directive,
    const std::vector<Clause>& clauses,
    const std::vector<std::string>& keys) {
    std::map<std::string, Clause, std::less<>> result;
    unbalanced_ = false;
    std::vector<Piece> ignored;
    for (const Clause& clause : clauses) {
        if (clause.assigned && !split_list(clause.value, ignored)) {
            unbalanced_ = true;  // it has swallowed what follows
            fail(
                directive,
                clause.value_at,
                "the parentheses of " + in_message(clause.value) + " do not balance");
        } else if (!clause.assigned) {
            fail(
                directive,
                clause.key_at,
                "unexpected " + in_message(clause.key) + " in //!" + directive.word,
                contains(keys, clause.key) ? std::string(clause.key) + "=..."
                                           : "key=value; a value with blanks in parentheses");
        } else if (!contains(keys, clause.key)) {
            fail(
                directive,
                clause.key_at,
                "unknown key " + in_message(clause.key) + " of //!" + directive.word,
                nearest_or_list(clause.key, keys));
        } else if (clause.value.empty()) {
            fail(
                directive,
                clause.value_at,
                std::string(clause.key) + " has no value",
                std::string(clause.key) + "=value");
        } else if (!result.emplace(clause.key, clause).second) {
            fail(directive, clause.key_at, std::string(clause.key) + " is given twice");
        }
    }
    return result;
}

void PlanReader::require_keys(
    const Directive& directive,
    const std::string& what,
    const std::map<std::string, Clause, std::less<>>& clauses,
    const std::vector<std::string>& keys) {
    for (const std::string& key : keys) {
        if (!clauses.contains(key) && !unbalanced_) {
            fail_at(directive.word_at, what + " lacks " + key, key + "=...");
        }
    }
}

std::string PlanReader::choice(
    const Directive& directive, const Clause& clause, const std::vector<std::string>& choices) {
    if (contains(choices, clause.value)) {
        return std::string(clause.value);
    }
    fail(
        directive,
        clause.value_at,
        std::string(clause.key) + " " + in_message(clause.value) + " is not known",
        nearest_or_list(clause.value, choices));
    return {};
}

bool PlanReader::claim(const Directive& directive, std::string_view name, std::size_t at) {
    if (!is_name(name)) {
        fail(directive, at, in_message(name) + " is not a name", "letters, digits and _");
        return false;
    }
    const bool taken = contains(scope_.dims, name) || contains(scope_.buffers, name) ||
                       constant_map({}).contains(name);
    if (taken || !claimed_.insert(std::string(name)).second) {
        fail(directive, at, "the name " + in_message(name) + " is taken");
        return false;
    }
    return true;
}

}  // namespace kw::cuda
