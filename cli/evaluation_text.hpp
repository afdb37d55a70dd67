// SPDX-License-Identifier: Apache-2.0
// An evaluation as text: show, verify and demo say the same.
#pragma once

#include "cli/console.hpp"
#include "core/evaluation.hpp"
#include "core/task.hpp"

#include <string>

namespace kw::cli {

/// "rejected  WA wrong result: ..." or "accepted  2.31x ...", then detail and findings.
[[nodiscard]] std::string verdict_lines(const Evaluation& evaluation, const Console& console);
[[nodiscard]] std::string ratio_or_code(
    const Evaluation& evaluation);                        ///< "2.31x [2.27, 2.36]", "WA"
[[nodiscard]] std::string dims_text(const DimMap& dims);  ///< "K=4096 N=4096"
/// Per-shape table: time, baseline, speed-up, GB/s, SOL, hot.
[[nodiscard]] std::string shape_table(const Evaluation& evaluation, const Console& console);
/// Circumstances: device, sandbox, compiler, protocol, seed commitment.
[[nodiscard]] std::string environment_lines(const Evaluation& evaluation);

}  // namespace kw::cli
