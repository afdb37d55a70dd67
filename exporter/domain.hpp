// SPDX-License-Identifier: Apache-2.0
// The shapes that a kernel may be called with: those that its cases covered, not those that its
// task allows.
#pragma once

#include "core/dim_expr.hpp"
#include "core/rows.hpp"
#include "core/task.hpp"

#include <cstdint>
#include <optional>
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

/// Every dim from the least to the greatest value among the shapes whose outputs this judging
/// compared and accepted (its cases, and what it timed by measuring), in steps of their common
/// divisor. The shapes between them are inferred, not seen. Nothing when there is no such shape:
/// cases of the task that were left out (the emulated device leaves large ones out) and modelled
/// times say nothing of the kernel.
[[nodiscard]] Result<std::optional<Domain>> verified_domain(
    const Task& task, const Evaluation& judging);

/// Every shape that the task has.
[[nodiscard]] Result<Domain> whole_domain(const Task& task);

}  // namespace kw::exporter
