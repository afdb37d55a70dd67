// SPDX-License-Identifier: Apache-2.0
// The shapes that a kernel may be called with: those that its cases covered, not those that its
// task allows.
#pragma once

#include "core/dim_expr.hpp"
#include "core/rows.hpp"
#include "core/task.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kw::exporter {

struct DimRange {
    std::string name;
    std::int64_t min = 0;
    std::int64_t max = 0;
    std::int64_t multiple_of = 1;
};

struct Domain {
    std::vector<DimRange> dims;  ///< order of the C signature
    std::string text;            ///< "N 1..4104, K 128..14336 (multiple of 128)"
    DimExpr predicate;           ///< 1 inside
};

/// Every dim from the least to the greatest value among the cases of this judging and the task's
/// public ones (which every accepted kernel passed), in steps of their common divisor, but never
/// finer than the task's own.
[[nodiscard]] Result<Domain> verified_domain(const Task& task, const Evaluation& judging);

/// Every shape that the task has.
[[nodiscard]] Result<Domain> whole_domain(const Task& task);

}  // namespace kw::exporter
