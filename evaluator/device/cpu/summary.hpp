// SPDX-License-Identifier: Apache-2.0
// From samples to the figures of a shape, and from shapes to those and the one line of an accepted
// evaluation. The same on every device that measures.
#pragma once

#include "core/evaluation.hpp"
#include "evaluator/device/cpu/check_stage.hpp"
#include "evaluator/paired_test.hpp"

#include <optional>
#include <string>

namespace kw::cpu {

/// What a shape's figures are held against.
struct ShapeRoof {
    double naive_ratio = 1;  ///< time of the naive baseline / of the fastest one
    double roof_ns = 0;      ///< of the shape's bytes and operations
    std::int64_t bytes = 0;  ///< that a call must move
};
/// Fills times, speed-up, comparison, sol, bandwidth and samples; `stop_reason` is set before.
void summarise_shape(const stats::PairedTest& test, const ShapeRoof& roof, ShapeTiming& timing);
/// Set when the candidate's time is below the shape's floor.
[[nodiscard]] std::optional<Rejection> below_floor(const Task& task, const ShapeTiming& timing);
[[nodiscard]] std::string show_us(double ns);  ///< "12.34 us"

/// Fills speedup, vs_naive, min_speedup, sol, comparison and summary from `shapes`.
void summarise_accepted(Evaluation& evaluation, double dead_band);

}  // namespace kw::cpu
