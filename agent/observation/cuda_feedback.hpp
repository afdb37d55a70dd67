// SPDX-License-Identifier: Apache-2.0
// Feedback about CUDA candidates: what the device's checks found, with the source lines they name,
// and what ptxas and the model of the device say.
#pragma once

#include "core/evaluation.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace kw::agent {

/// The verdict is one that a device's checks give, with the findings in Evaluation::detail.
[[nodiscard]] bool found_by_checks(Verdict verdict);

/// Evaluation::detail, fenced, and the source lines that it names. Of a hidden case (the detail
/// begins with "a hidden case") only kinds and source lines: addresses and sizes would tell its
/// shape.
[[nodiscard]] std::string findings_text(const Evaluation& result, std::string_view source);

/// One line for a finding about a kernel that passed. A check may have made it on a hidden case, so
/// of those only rule and source lines are told.
[[nodiscard]] std::string note_of(const Finding& finding);

/// "12: y[i] = 0;" for each line that `text` names as FILE.cu:LINE, in order, each once, fenced;
/// "" when there is none.
[[nodiscard]] std::string named_lines(
    std::string_view text, std::string_view source, std::size_t at_most);

/// Registers, spills, shared memory of each kernel; "" when not known.
[[nodiscard]] std::string resources_text(const BuildFacts& build);

}  // namespace kw::agent
