// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/core/random_expr.hpp"

#include <array>
#include <map>

namespace kw::test {
namespace {

__extension__ typedef __int128 Wide;

const std::map<std::string, int>& precedences() {
    static const std::map<std::string, int> table{
        {"?:", 0},
        {"||", 1},
        {"&&", 2},
        {"==", 3},
        {"!=", 3},
        {"<", 4},
        {"<=", 4},
        {">", 4},
        {">=", 4},
        {"+", 5},
        {"-", 5},
        {"*", 6},
        {"/", 6},
        {"%", 6},
        {"neg", 7},
        {"!", 7}};
    return table;
}

int precedence(const RandomExpr& expr) {
    const auto found = precedences().find(expr.op);
    return found == precedences().end() ? 8 : found->second;
}

std::int64_t random_value(Dice& dice) {
    switch (dice.below(6)) {
        case 0: return 0;
        case 1: return INT64_MAX;
        case 2: return static_cast<std::int64_t>(dice.bits() >> 1);
        case 3: return static_cast<std::int64_t>(dice.below(std::uint64_t{1} << 33));
        default: return static_cast<std::int64_t>(dice.below(20));
    }
}

std::string print_literal(std::int64_t value, Dice& dice) {
    if (value > 0 && value % 1000 == 0 && dice.below(2) == 0) {
        return std::to_string(value / 1000) + "e3";
    }
    if (dice.below(4) == 0) {
        std::string hex;
        for (auto rest = static_cast<std::uint64_t>(value); rest > 0 || hex.empty(); rest /= 16) {
            hex.insert(hex.begin(), "0123456789aBcDeF"[rest % 16]);
        }
        return "0x" + hex;
    }
    return std::to_string(value);
}

std::string space(Dice& dice) {
    return dice.below(2) == 0 ? "" : " ";
}

/// Printed so that it stands where something of precedence `least` must.
std::string fit(const RandomExpr& expr, int least, Dice& dice) {
    const std::string text = print(expr, dice);
    const bool needed = precedence(expr) < least;
    return needed || dice.below(8) == 0 ? "(" + text + ")" : text;
}

std::optional<std::int64_t> narrow(Wide value) {
    if (value < INT64_MIN || value > INT64_MAX) {
        return std::nullopt;
    }
    return static_cast<std::int64_t>(value);
}

Wide floored(Wide a, Wide b) {
    Wide q = a / b;
    while (q * b > a && b > 0) {
        --q;
    }
    while (q * b < a && b < 0) {
        --q;
    }
    return q;
}

std::optional<std::int64_t> apply(const std::string& op, Wide a, Wide b) {
    if (op == "+")
        return narrow(a + b);
    if (op == "-")
        return narrow(a - b);
    if (op == "*")
        return narrow(a * b);
    if (op == "min")
        return narrow(a < b ? a : b);
    if (op == "max")
        return narrow(a < b ? b : a);
    if (op == "<")
        return a < b;
    if (op == "<=")
        return a <= b;
    if (op == ">")
        return a > b;
    if (op == ">=")
        return a >= b;
    if (op == "==")
        return a == b;
    if (op == "!=")
        return a != b;
    if (b == 0) {
        return std::nullopt;
    }
    if (op == "/")
        return narrow(floored(a, b));
    if (op == "%")
        return narrow(a - floored(a, b) * b);
    return narrow(-floored(-a, b));  // ceil_div
}

}  // namespace

RandomExpr random_expr(Dice& dice, int depth) {
    static const std::array<const char*, 22> k_ops{
        "+", "-",  "*", "/",  "%",  "+",  "*",  "/",  "ceil_div", "min", "max",
        "<", "<=", ">", ">=", "==", "!=", "&&", "||", "?:",       "neg", "!"};
    RandomExpr expr;
    if (depth <= 0 || dice.below(6) == 0) {
        expr.op = dice.below(2) == 0 ? "lit" : "name";
        expr.value = random_value(dice);
        expr.name = std::array<const char*, 4>{"N", "K", "M_2", "_q"}.at(dice.below(4));
        return expr;
    }
    expr.op = k_ops.at(dice.below(k_ops.size()));
    const bool unary = expr.op == "neg" || expr.op == "!";
    const int kids = unary ? 1 : expr.op == "?:" ? 3 : 2;
    for (int i = 0; i < kids; ++i) {
        expr.kids.push_back(random_expr(dice, depth - 1));
    }
    return expr;
}

std::string print(const RandomExpr& expr, Dice& dice) {
    const int own = precedence(expr);
    if (expr.op == "lit") {
        return print_literal(expr.value, dice);
    }
    if (expr.op == "name") {
        return expr.name;
    }
    if (expr.op == "neg" || expr.op == "!") {
        return (expr.op == "!" ? "!" : "-") + space(dice) + fit(expr.kids[0], 7, dice);
    }
    if (expr.op == "?:") {
        return fit(expr.kids[0], 1, dice) + space(dice) + "?" + fit(expr.kids[1], 0, dice) + ":" +
               space(dice) + fit(expr.kids[2], 0, dice);
    }
    if (own == 8) {
        return expr.op + space(dice) + "(" + fit(expr.kids[0], 0, dice) + "," + space(dice) +
               fit(expr.kids[1], 0, dice) + ")";
    }
    // Comparisons do not chain, so their left side needs parentheses too.
    const int left = own == 4 ? 5 : own;
    return fit(expr.kids[0], left, dice) + space(dice) + expr.op + space(dice) +
           fit(expr.kids[1], own + 1, dice);
}

std::optional<std::int64_t> evaluate(const RandomExpr& expr, const DimMap& dims) {
    if (expr.op == "lit") {
        return expr.value;
    }
    if (expr.op == "name") {
        return dims.at(expr.name);
    }
    const auto a = evaluate(expr.kids[0], dims);
    if (!a) {
        return std::nullopt;
    }
    if (expr.op == "neg")
        return narrow(-static_cast<Wide>(*a));
    if (expr.op == "!")
        return *a == 0;
    if (expr.op == "?:")
        return evaluate(*a != 0 ? expr.kids[1] : expr.kids[2], dims);
    if (expr.op == "&&" && *a == 0)
        return 0;
    if (expr.op == "||" && *a != 0)
        return 1;
    const auto b = evaluate(expr.kids[1], dims);
    if (!b) {
        return std::nullopt;
    }
    if (expr.op == "&&" || expr.op == "||")
        return *b != 0;
    return apply(expr.op, *a, *b);
}

DimMap random_dims(Dice& dice) {
    DimMap dims;
    for (const char* name : {"N", "K", "M_2", "_q"}) {
        std::int64_t value = static_cast<std::int64_t>(dice.below(200)) - 40;
        if (dice.below(8) == 0) {
            value = dice.below(2) == 0 ? INT64_MIN : INT64_MAX;
        }
        dims[name] = value;
    }
    return dims;
}

}  // namespace kw::test
