// SPDX-License-Identifier: Apache-2.0
// Constant expressions: 64-bit integers, signed unless a part is unsigned, with the operators of C;
// floating-point literals with + - * / in double. Source: PTX ISA, constant expressions.
#include "evaluator/device/emulated/engine/parser.hpp"

#include <array>
#include <bit>
#include <limits>

namespace kw::emu {

namespace {

struct BinaryOperator {
    std::string_view text;
    int precedence;
};
// Longer texts first, so that "<" does not take half of "<<".
constexpr std::array<BinaryOperator, 18> k_operators = {{
    {"<<", 8},
    {">>", 8},
    {"<=", 7},
    {">=", 7},
    {"==", 6},
    {"!=", 6},
    {"&&", 2},
    {"||", 1},
    {"*", 10},
    {"/", 10},
    {"%", 10},
    {"+", 9},
    {"-", 9},
    {"<", 7},
    {">", 7},
    {"&", 5},
    {"^", 4},
    {"|", 3},
}};
constexpr int k_additive = 9;

bool is_real(const Number& n) {
    return n.kind == 'f' || n.kind == 'd';
}

std::int64_t as_signed(const Number& n) {
    return static_cast<std::int64_t>(n.bits);
}

double as_double(const Number& n) {
    return n.kind == 'd' ? std::bit_cast<double>(n.bits)
           : n.kind == 'f'
               ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(n.bits)))
           : n.kind == 'u' ? static_cast<double>(n.bits)
                           : static_cast<double>(as_signed(n));
}

std::optional<Number> divide(const Number& a, const Number& b, bool is_unsigned, bool remainder) {
    if (b.bits == 0) {
        return std::nullopt;
    }
    if (is_unsigned) {
        return Number{'u', remainder ? a.bits % b.bits : a.bits / b.bits};
    }
    if (as_signed(b) == -1) {  // the smallest number has no opposite
        return Number{'i', remainder ? 0 : 0 - a.bits};
    }
    const std::int64_t value =
        remainder ? as_signed(a) % as_signed(b) : as_signed(a) / as_signed(b);
    return Number{'i', static_cast<std::uint64_t>(value)};
}

Number shift(const Number& a, const Number& b, bool left) {
    const std::uint64_t count = b.bits;
    if (left) {
        return {a.kind, count > 63 ? 0 : a.bits << count};
    }
    if (a.kind == 'u') {
        return {'u', count > 63 ? 0 : a.bits >> count};
    }
    return {'i', static_cast<std::uint64_t>(as_signed(a) >> (count > 63 ? 63 : count))};
}

Number truth(bool value) {
    return {'i', value ? 1U : 0U};
}

Number compare(std::string_view op, const Number& a, const Number& b, bool is_unsigned) {
    const bool less = is_unsigned ? a.bits < b.bits : as_signed(a) < as_signed(b);
    const bool equal = a.bits == b.bits;
    return truth(
        op == "<"    ? less
        : op == "<=" ? less || equal
        : op == ">"  ? !less && !equal
        : op == ">=" ? !less
        : op == "==" ? equal
                     : !equal);
}

/// Nothing for a division by zero.
std::optional<Number> apply_integer(std::string_view op, const Number& a, const Number& b) {
    const bool is_unsigned = a.kind == 'u' || b.kind == 'u';
    const char kind = is_unsigned ? 'u' : 'i';
    if (op == "<<" || op == ">>") {
        return shift(a, b, op == "<<");
    }
    if (op == "&&" || op == "||") {
        return truth(op == "&&" ? a.bits != 0 && b.bits != 0 : a.bits != 0 || b.bits != 0);
    }
    if (op == "/" || op == "%") {
        return divide(a, b, is_unsigned, op == "%");
    }
    switch (op[0]) {
        case '+': return Number{kind, a.bits + b.bits};
        case '-': return Number{kind, a.bits - b.bits};
        case '*': return Number{kind, a.bits * b.bits};
        case '&': return Number{kind, a.bits & b.bits};
        case '^': return Number{kind, a.bits ^ b.bits};
        case '|': return Number{kind, a.bits | b.bits};
        default: return compare(op, a, b, is_unsigned);
    }
}

std::optional<Number> apply_real(std::string_view op, const Number& a, const Number& b) {
    const double x = as_double(a);
    const double y = as_double(b);
    double value = 0;
    switch (op.size() == 1 ? op[0] : '?') {
        case '+': value = x + y; break;
        case '-': value = x - y; break;
        case '*': value = x * y; break;
        case '/':
            if (y == 0) {
                return std::nullopt;
            }
            value = x / y;
            break;
        default: return std::nullopt;
    }
    return Number{'d', std::bit_cast<std::uint64_t>(value)};
}

bool negate(char op, Number& value) {
    if (is_real(value)) {
        const std::uint64_t sign = value.kind == 'f' ? 1ULL << 31 : 1ULL << 63;
        value.bits ^= op == '-' ? sign : 0;
        return op == '-' || op == '+';
    }
    switch (op) {
        case '-': value = {'i', 0 - value.bits}; break;
        case '~': value.bits = ~value.bits; break;
        case '!': value = truth(value.bits == 0); break;
        default: break;
    }
    return true;
}

}  // namespace

bool Parser::constant(Number& value, int depth) {
    return constant_binary(value, 1, depth) &&
           (lexer_.peek() != '?' || constant_choice(value, depth));
}

bool Parser::constant_choice(Number& value, int depth) {
    if (depth >= limits_.depth) {
        return fail("this expression is nested too deeply");
    }
    Number yes;
    Number no;
    if (!lexer_.take('?') || !constant(yes, depth + 1) || !expect(':') ||
        !constant(no, depth + 1)) {
        return false;
    }
    value = value.bits != 0 ? yes : no;
    return true;
}

bool Parser::constant_binary(Number& value, int lowest, int depth) {
    if (!constant_unary(value, depth)) {
        return false;
    }
    while (true) {
        const BinaryOperator* found = nullptr;
        const TextPosition at = lexer_.position();
        for (const BinaryOperator& op : k_operators) {
            if (lexer_.peek() == op.text[0] &&
                (op.text.size() == 1 || lexer_.peek_second() == op.text[1])) {
                found = &op;
                break;
            }
        }
        if (found == nullptr || found->precedence < lowest) {
            return true;
        }
        lexer_.take(found->text);
        Number right;
        if (!constant_binary(right, found->precedence + 1, depth)) {
            return false;
        }
        const bool real = is_real(value) || is_real(right);
        const std::optional<Number> result =
            real ? apply_real(found->text, value, right) : apply_integer(found->text, value, right);
        if (!result) {
            return fail_at(at, "this operation has no value");
        }
        value = *result;
    }
}

bool Parser::constant_unary(Number& value, int depth) {
    const char op = lexer_.peek();
    if (op != '-' && op != '+' && op != '~' && op != '!') {
        return constant_primary(value, depth);
    }
    if (depth >= limits_.depth) {
        return fail("this expression is nested too deeply");
    }
    const TextPosition at = lexer_.position();
    lexer_.take(op);
    if (!constant_unary(value, depth + 1)) {
        return false;
    }
    return negate(op, value) || fail_at(at, "this operator needs an integer");
}

bool Parser::constant_primary(Number& value, int depth) {
    if (lexer_.peek() == '(') {
        if (depth >= limits_.depth) {
            return fail("this expression is nested too deeply");
        }
        lexer_.take('(');
        bool was_cast = false;
        if (!constant_cast(value, depth, was_cast)) {
            return false;
        }
        return was_cast || (constant(value, depth + 1) && expect(')'));
    }
    const TextPosition at = lexer_.position();
    const std::string_view text = lexer_.number();
    if (text.empty()) {
        if (lexer_.at_name()) {
            const std::string_view name = lexer_.name();
            value = {'i', 32};
            return name == "WARP_SZ" || fail_at(at, "expected a number instead of " + quote(name));
        }
        return fail_expected("a number");
    }
    const std::optional<Number> number = read_number(text);
    if (!number) {
        return fail_at(at, quote(text) + " is not a number, or does not fit 64 bits");
    }
    value = *number;
    return true;
}

/// "(.s64) x" or "(.u64) x", behind the first parenthesis.
bool Parser::constant_cast(Number& value, int depth, bool& was_cast) {
    if (lexer_.peek() != '.' || (lexer_.peek_second() >= '0' && lexer_.peek_second() <= '9')) {
        return true;
    }
    const TextPosition at = lexer_.position();
    const std::string_view type = lexer_.directive();
    if (type != ".s64" && type != ".u64") {
        return fail_at(at, "expected .s64 or .u64 in a cast");
    }
    was_cast = true;
    if (!expect(')') || !constant_unary(value, depth + 1)) {
        return false;
    }
    if (is_real(value)) {
        return fail_at(at, "a cast needs an integer");
    }
    value.kind = type == ".s64" ? 'i' : 'u';
    return true;
}

bool Parser::offset_terms(std::int64_t& offset) {
    auto sum = static_cast<std::uint64_t>(offset);
    while (lexer_.peek() == '+' || lexer_.peek() == '-') {
        const TextPosition at = lexer_.position();
        const bool minus = lexer_.peek() == '-';
        lexer_.take(lexer_.peek());
        Number term;
        if (!constant_binary(term, k_additive + 1, 0)) {
            return false;
        }
        if (is_real(term)) {
            return fail_at(at, "an offset is an integer");
        }
        sum += minus ? 0 - term.bits : term.bits;
    }
    offset = static_cast<std::int64_t>(sum);
    return true;
}

}  // namespace kw::emu
