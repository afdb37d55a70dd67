// SPDX-License-Identifier: Apache-2.0
// Integer expressions over a task's dimensions: shapes, costs, caps, launch plans, dispatch
// predicates.
//   + - * / %   ceil_div(a,b) min(a,b) max(a,b)   < <= > >= == != && || !   c ? a : b parentheses,
//   integers (decimal, 0x, and 1e6-style), names. Division and remainder are floored. Everything is
//   checked int64: an overflow or a division by zero is an error, never a wrong number.
// Own grammar because the libraries tried compute in doubles or die on division by zero.
#pragma once

#include "core/result.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace kw {

using DimMap = std::map<std::string, std::int64_t, std::less<>>;

class DimExpr {
public:
    DimExpr() = default;

    /// Errors (Errc::config) name the column, counted from 1. Depth is capped at 64.
    static Result<DimExpr> parse(std::string_view text);
    static DimExpr constant(std::int64_t value);

    /// Unknown name, overflow, division by zero: Errc::config.
    [[nodiscard]] Result<std::int64_t> eval(const DimMap& dims) const;
    /// The names it reads, sorted, each once.
    [[nodiscard]] std::vector<std::string> names() const;
    /// A C99 expression of type int64_t that gives the same value wherever eval() succeeds; uses
    /// the helpers of dim_expr_c_prelude().
    [[nodiscard]] std::string to_c() const;
    [[nodiscard]] const std::string& text() const { return text_; }
    [[nodiscard]] bool empty() const { return root_ == nullptr; }

    struct Node;

private:
    std::string text_;
    std::shared_ptr<const Node> root_;
};

/// static inline helpers (floored division and remainder) that to_c() refers to.
[[nodiscard]] std::string_view dim_expr_c_prelude();

}  // namespace kw
