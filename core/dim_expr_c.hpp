// SPDX-License-Identifier: Apache-2.0
// DimExpr as C beside other C. Checked: it fails where eval() does, for code that meets values
// nobody has tried; DimExpr::to_c() is right only where eval() succeeds. Prefixed: names reach
// nothing else.
#pragma once

#include "core/dim_expr.hpp"

#include <string>
#include <string_view>

namespace kw {

/// A C expression of type int64_t: the same value wherever eval() succeeds; else it sets the C
/// `bool` that `flag` names, which nothing clears, and gives any value. Uses the helpers of both
/// preludes. GNU C (overflow built-ins). `prefix`: put before every name.
[[nodiscard]] std::string to_checked_c(
    const DimExpr& expr, std::string_view flag, std::string_view prefix = {});
/// DimExpr::to_c() with `prefix` before every name.
[[nodiscard]] std::string to_prefixed_c(const DimExpr& expr, std::string_view prefix);
/// Needs dim_expr_c_prelude() before it.
[[nodiscard]] std::string_view dim_expr_checked_c_prelude();

}  // namespace kw
