// SPDX-License-Identifier: Apache-2.0
// The prompt: a pure function of task, history and ask, so that a resumed campaign asks the same
// question again. Which sections it holds is chosen by name (section_names()). Size is capped at
// k_max_prompt_bytes; what does not fit is trimmed in this order: the oldest lines of the
// trajectory (half, then all but the last eight), the sources of examples, patterns but the first,
// the best, last and second source where they are not the parent, what was ruled out but the last
// four, the parent's source, the task's hints. A trimmed source keeps its beginning and its end and
// says what is left out. A critique is never trimmed.
#pragma once

#include "agent/observation/advice.hpp"
#include "agent/observation/sections.hpp"
#include "agent/observation/template.hpp"
#include "agent/search/history.hpp"
#include "agent/search/strategy.hpp"
#include "core/task.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace kw::agent {

inline constexpr std::size_t k_max_prompt_bytes = std::size_t{48} << 10;

struct ObservationInput {
    const Task& task;
    const History& done;        ///< whole steps before the ask's
    const std::string& header;  ///< generated <task>.h
    std::string machine_facts;
    std::string isa;
    std::string hint;  ///< the user's
    int step = 1;
    int width = 1;                           ///< proposals of this step
    std::string device = "cpu";              ///< id
    std::string arch = {};                   ///< Device::arch(); "" = what the id says
    std::vector<std::string> sections = {};  ///< of section_names(); empty = default_sections()
    Advice advice = {};
};

/// Generated <task>.h for the CPU; "" for devices whose contract is the launch plan.
[[nodiscard]] std::string prompt_header(const Task& task, const std::string& device_id);
/// The times of this device are modelled.
[[nodiscard]] bool device_models(const std::string& device_id);

struct Prompt {
    std::string system;
    std::string text;
};

/// `start` is used as the parent's source when the parent is not in the history (the first prompt
/// of a plan). The ask says what the step is to do and which kernels it may learn from; one that
/// starts afresh is shown no source. Errc::usage for sections that are not known, a crossover
/// without a second parent, a transpile without a source.
[[nodiscard]] Result<Prompt> build_prompt(
    const PromptBook& book,
    const ObservationInput& input,
    const Ask& ask,
    const std::string& start);

}  // namespace kw::agent
