// SPDX-License-Identifier: Apache-2.0
// Random expressions with an evaluator of their own, written from the grammar's description and
// sharing nothing with core/dim_expr: 128-bit arithmetic, so an overflow is seen and not computed.
#pragma once

#include "core/dim_expr.hpp"
#include "tests/unit/core/support.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kw::test {

struct RandomExpr {
    std::string op;  ///< "lit" "name" "neg" "!" "?:" "min" "max" "ceil_div" or an infix symbol
    std::int64_t value = 0;
    std::string name;
    std::vector<RandomExpr> kids;
};

[[nodiscard]] RandomExpr random_expr(Dice& dice, int depth);
/// With no more parentheses than precedence needs, or with some more.
[[nodiscard]] std::string print(const RandomExpr& expr, Dice& dice);
/// Nothing: an overflow, or a division by zero, on the way that is taken.
[[nodiscard]] std::optional<std::int64_t> evaluate(const RandomExpr& expr, const DimMap& dims);
[[nodiscard]] DimMap random_dims(Dice& dice);

}  // namespace kw::test
