// SPDX-License-Identifier: Apache-2.0
// The prompt: a pure function of task, history and ask, so that a resumed campaign asks the same
// question again. Size is capped at k_max_prompt_bytes; what does not fit is trimmed in this order:
// the oldest lines of the trajectory (half, then all but the last eight), the best source when it
// is not the parent, the last attempt's source when it is not the parent, the parent's source, the
// task's hints. A trimmed source keeps its beginning and its end and says what is left out.
#pragma once

#include "agent/observation/template.hpp"
#include "agent/search/history.hpp"
#include "agent/search/strategy.hpp"
#include "core/task.hpp"

#include <cstddef>
#include <string>

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
    int width = 1;               ///< proposals of this step
    std::string device = "cpu";  ///< id
    std::string arch;            ///< Device::arch(); "" = what the id says
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
/// of a plan).
[[nodiscard]] Result<Prompt> build_prompt(
    const PromptBook& book,
    const ObservationInput& input,
    const Ask& ask,
    const std::string& start);

}  // namespace kw::agent
