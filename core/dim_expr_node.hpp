// SPDX-License-Identifier: Apache-2.0
// The tree behind DimExpr, shared by its parser (dim_expr_parse.cpp) and its evaluator and C
// emitter (dim_expr.cpp). Not for other folders.
#pragma once

#include "core/dim_expr.hpp"

namespace kw {

enum class Op {
    literal,
    name,
    negate,
    logical_not,
    add,
    subtract,
    multiply,
    divide,
    remainder,
    ceil_div,
    min,
    max,
    less,
    less_equal,
    greater,
    greater_equal,
    equal,
    not_equal,
    logical_and,
    logical_or,
    choose,  ///< a ? b : c
};

struct DimExpr::Node {
    Op op = Op::literal;
    std::size_t column = 1;  ///< of the operator, name or literal; counted from 1
    int depth = 1;           ///< nodes on the longest path down
    std::int64_t value = 0;  ///< literal
    std::string name;        ///< name
    std::shared_ptr<const Node> a, b, c;
};

[[nodiscard]] Result<std::shared_ptr<const DimExpr::Node>> parse_dim_expr(std::string_view text);

/// "expression 'TEXT', column N: WHAT"
[[nodiscard]] Error dim_expr_error(
    std::string_view text, std::size_t column, const std::string& what);

}  // namespace kw
