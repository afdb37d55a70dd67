// SPDX-License-Identifier: Apache-2.0
#include "core/dim_expr.hpp"

#include "core/dim_expr_c.hpp"
#include "core/dim_expr_node.hpp"

#include <algorithm>
#include <initializer_list>
#include <set>

namespace kw {
namespace {

using Node = DimExpr::Node;

struct Evaluator {
    const DimMap& dims;
    const std::string& text;

    Error fail(const Node& node, const std::string& what) const {
        return dim_expr_error(text, node.column, what);
    }
    Result<std::int64_t> eval(const Node& node) const;
    Result<std::int64_t> logic(const Node& node) const;
    Result<std::int64_t> arithmetic(const Node& node, std::int64_t a, std::int64_t b) const;
    Result<std::int64_t> quotient(const Node& node, std::int64_t a, std::int64_t b) const;
};

Result<std::int64_t> Evaluator::eval(const Node& node) const {
    switch (node.op) {
        case Op::literal: return node.value;
        case Op::name: {
            const auto found = dims.find(node.name);
            if (found == dims.end()) {
                return fail(node, "unknown name '" + node.name + "'");
            }
            return found->second;
        }
        case Op::negate: {
            KW_TRY_ASSIGN(const std::int64_t a, eval(*node.a));
            return arithmetic(node, 0, a);
        }
        case Op::logical_not: {
            KW_TRY_ASSIGN(const std::int64_t a, eval(*node.a));
            return std::int64_t{a == 0};
        }
        case Op::logical_and:
        case Op::logical_or:
        case Op::choose: return logic(node);
        default: break;
    }
    KW_TRY_ASSIGN(const std::int64_t a, eval(*node.a));
    KW_TRY_ASSIGN(const std::int64_t b, eval(*node.b));
    return arithmetic(node, a, b);
}

// Only the operands that C would evaluate are evaluated, so `K != 0 && N / K > 2` is safe.
Result<std::int64_t> Evaluator::logic(const Node& node) const {
    KW_TRY_ASSIGN(const std::int64_t a, eval(*node.a));
    if (node.op == Op::choose) {
        return eval(a != 0 ? *node.b : *node.c);
    }
    if ((a != 0) == (node.op == Op::logical_or)) {
        return std::int64_t{a != 0};
    }
    KW_TRY_ASSIGN(const std::int64_t b, eval(*node.b));
    return std::int64_t{b != 0};
}

Result<std::int64_t> Evaluator::arithmetic(const Node& node, std::int64_t a, std::int64_t b) const {
    std::int64_t value = 0;
    bool overflow = false;
    switch (node.op) {
        case Op::add: overflow = __builtin_add_overflow(a, b, &value); break;
        case Op::subtract:
        case Op::negate: overflow = __builtin_sub_overflow(a, b, &value); break;
        case Op::multiply: overflow = __builtin_mul_overflow(a, b, &value); break;
        case Op::divide:
        case Op::remainder:
        case Op::ceil_div: return quotient(node, a, b);
        case Op::min: return std::min(a, b);
        case Op::max: return std::max(a, b);
        case Op::less: return std::int64_t{a < b};
        case Op::less_equal: return std::int64_t{a <= b};
        case Op::greater: return std::int64_t{a > b};
        case Op::greater_equal: return std::int64_t{a >= b};
        case Op::equal: return std::int64_t{a == b};
        case Op::not_equal: return std::int64_t{a != b};
        default: KW_CHECK_NOTE(false, "operator in arithmetic"); break;
    }
    if (overflow) {
        return fail(node, "the value does not fit 64 bits");
    }
    return value;
}

Result<std::int64_t> Evaluator::quotient(const Node& node, std::int64_t a, std::int64_t b) const {
    if (b == 0) {
        return fail(node, "division by zero");
    }
    if (b == -1) {  // INT64_MIN / -1 traps on x86, and so does the remainder
        if (node.op == Op::remainder) {
            return std::int64_t{0};
        }
        std::int64_t value = 0;
        if (__builtin_sub_overflow(std::int64_t{0}, a, &value)) {
            return fail(node, "the value does not fit 64 bits");
        }
        return value;
    }
    const std::int64_t q = a / b;
    const std::int64_t r = a % b;
    const bool inexact = r != 0;
    const bool negative = (r < 0) != (b < 0);
    switch (node.op) {
        case Op::remainder: return inexact && negative ? r + b : r;
        case Op::ceil_div: return inexact && !negative ? q + 1 : q;
        default: return inexact && negative ? q - 1 : q;
    }
}

void collect_names(const Node& node, std::set<std::string>& names) {
    if (node.op == Op::name) {
        names.insert(node.name);
    }
    for (const auto* child : {&node.a, &node.b, &node.c}) {
        if (*child) {
            collect_names(**child, names);
        }
    }
}

// Appends, because `"(" + std::string&&` trips a false -Wrestrict of g++ 12 (GCC bug 105651).
std::string joined(std::initializer_list<std::string_view> parts) {
    std::string text;
    for (const std::string_view part : parts) {
        text += part;
    }
    return text;
}

std::string literal_to_c(std::int64_t value) {
    if (value == INT64_MIN) {
        return "(-INT64_C(9223372036854775807) - 1)";
    }
    const std::string digits = std::to_string(value < 0 ? -value : value);
    return value < 0 ? joined({"(-INT64_C(", digits, "))"}) : joined({"INT64_C(", digits, ")"});
}

struct CStyle {
    std::string_view bad;     ///< the flag of checked expressions, "" = unchecked
    std::string_view prefix;  ///< of every name
};

std::string node_to_c(const Node& node, const CStyle& style) {
    const auto call = [&](std::string_view function) {
        return joined(
            {function, "(", node_to_c(*node.a, style), ", ", node_to_c(*node.b, style), ")"});
    };
    const auto infix = [&](std::string_view op) {
        return joined({"(", node_to_c(*node.a, style), op, node_to_c(*node.b, style), ")"});
    };
    const auto truth = [&](std::string_view op) {
        return joined({"((int64_t)", infix(op), ")"});
    };
    const auto checked = [&](std::string_view function) {
        const std::string a = node.op == Op::negate ? literal_to_c(0) : node_to_c(*node.a, style);
        const std::string b = node_to_c(node.op == Op::negate ? *node.a : *node.b, style);
        return joined({"kw_dim_checked_", function, "(&", style.bad, ", ", a, ", ", b, ")"});
    };
    if (!style.bad.empty()) {
        switch (node.op) {
            case Op::add: return checked("add");
            case Op::subtract:
            case Op::negate: return checked("sub");
            case Op::multiply: return checked("mul");
            case Op::divide: return checked("div");
            case Op::remainder: return checked("mod");
            case Op::ceil_div: return checked("ceil_div");
            default: break;
        }
    }
    switch (node.op) {
        case Op::literal: return literal_to_c(node.value);
        case Op::name: return joined({style.prefix, node.name});
        case Op::negate: return joined({"(-", node_to_c(*node.a, style), ")"});
        case Op::logical_not: return joined({"((int64_t)(!", node_to_c(*node.a, style), "))"});
        case Op::add: return infix(" + ");
        case Op::subtract: return infix(" - ");
        case Op::multiply: return infix(" * ");
        case Op::divide: return call("kw_dim_div");
        case Op::remainder: return call("kw_dim_mod");
        case Op::ceil_div: return call("kw_dim_ceil_div");
        case Op::min: return call("kw_dim_min");
        case Op::max: return call("kw_dim_max");
        case Op::less: return truth(" < ");
        case Op::less_equal: return truth(" <= ");
        case Op::greater: return truth(" > ");
        case Op::greater_equal: return truth(" >= ");
        case Op::equal: return truth(" == ");
        case Op::not_equal: return truth(" != ");
        case Op::logical_and: return truth(" && ");
        case Op::logical_or: return truth(" || ");
        case Op::choose:
            return joined(
                {"(",
                 node_to_c(*node.a, style),
                 " ? ",
                 node_to_c(*node.b, style),
                 " : ",
                 node_to_c(*node.c, style),
                 ")"});
    }
    return {};
}

}  // namespace

Error dim_expr_error(std::string_view text, std::size_t column, const std::string& what) {
    constexpr std::size_t k_shown = 80;
    std::string shown(text.substr(0, k_shown));
    for (char& c : shown) {
        c = c < ' ' || c > '~' ? '?' : c;
    }
    if (text.size() > k_shown) {
        shown += "...";
    }
    return {
        Errc::config,
        "expression '" + shown + "', column " + std::to_string(column) + ": " + what,
        {}};
}

DimExpr DimExpr::constant(std::int64_t value) {
    DimExpr expr;
    expr.text_ = std::to_string(value);
    auto node = std::make_shared<Node>();
    node->value = value;
    expr.root_ = std::move(node);
    return expr;
}

Result<DimExpr> DimExpr::parse(std::string_view text) {
    KW_TRY_ASSIGN(auto root, parse_dim_expr(text));
    DimExpr expr;
    expr.text_ = text;
    expr.root_ = std::move(root);
    return expr;
}

Result<std::int64_t> DimExpr::eval(const DimMap& dims) const {
    if (empty()) {
        return dim_expr_error(text_, 1, "the expression is empty");
    }
    return Evaluator{dims, text_}.eval(*root_);
}

std::vector<std::string> DimExpr::names() const {
    std::set<std::string> names;
    if (!empty()) {
        collect_names(*root_, names);
    }
    return {names.begin(), names.end()};
}

std::string DimExpr::to_c() const {
    return empty() ? "INT64_C(0)" : node_to_c(*root_, {});
}

std::string to_prefixed_c(const DimExpr& expr, std::string_view prefix) {
    return to_checked_c(expr, {}, prefix);
}

std::string to_checked_c(const DimExpr& expr, std::string_view flag, std::string_view prefix) {
    if (expr.empty()) {
        return "INT64_C(0)";
    }
    const auto root = parse_dim_expr(expr.text());
    KW_CHECK(root.ok());  // it was parsed once already
    return node_to_c(**root, {flag, prefix});
}

std::string_view dim_expr_c_prelude() {
    return R"(#include <stdint.h>
static inline int64_t kw_dim_div(int64_t a, int64_t b) {
    if (b == -1) return -a;
    return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}
static inline int64_t kw_dim_mod(int64_t a, int64_t b) {
    if (b == -1) return 0;
    return a % b + (a % b != 0 && (a % b < 0) != (b < 0) ? b : 0);
}
static inline int64_t kw_dim_ceil_div(int64_t a, int64_t b) {
    if (b == -1) return -a;
    return a / b + (a % b != 0 && (a % b < 0) == (b < 0));
}
static inline int64_t kw_dim_min(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t kw_dim_max(int64_t a, int64_t b) { return a > b ? a : b; }
)";
}

std::string_view dim_expr_checked_c_prelude() {
    return R"(#include <stdbool.h>
static inline int64_t kw_dim_checked_add(bool* bad, int64_t a, int64_t b) {
    int64_t value = 0;
    if (__builtin_add_overflow(a, b, &value)) return *bad = true, 0;
    return value;
}
static inline int64_t kw_dim_checked_sub(bool* bad, int64_t a, int64_t b) {
    int64_t value = 0;
    if (__builtin_sub_overflow(a, b, &value)) return *bad = true, 0;
    return value;
}
static inline int64_t kw_dim_checked_mul(bool* bad, int64_t a, int64_t b) {
    int64_t value = 0;
    if (__builtin_mul_overflow(a, b, &value)) return *bad = true, 0;
    return value;
}
static inline bool kw_dim_divides(bool* bad, int64_t a, int64_t b) {
    const bool good = b != 0 && !(a == INT64_MIN && b == -1);
    *bad = *bad || !good;
    return good;
}
static inline int64_t kw_dim_checked_div(bool* bad, int64_t a, int64_t b) {
    return kw_dim_divides(bad, a, b) ? kw_dim_div(a, b) : 0;
}
static inline int64_t kw_dim_checked_mod(bool* bad, int64_t a, int64_t b) {
    if (b == -1) return 0;
    return kw_dim_divides(bad, a, b) ? kw_dim_mod(a, b) : 0;
}
static inline int64_t kw_dim_checked_ceil_div(bool* bad, int64_t a, int64_t b) {
    return kw_dim_divides(bad, a, b) ? kw_dim_ceil_div(a, b) : 0;
}
)";
}

}  // namespace kw
