// SPDX-License-Identifier: Apache-2.0
// Can a task tell right from wrong? Its reference is called on inputs as a faulty kernel would read
// them, and its output is damaged as faulty kernels damage theirs; what the comparison lets pass,
// the task cannot tell. No kernel is built, so that every fault is tried on every argument.
#pragma once

#include "core/csprng.hpp"
#include "core/result.hpp"
#include "core/task.hpp"
#include "evaluator/input_faults.hpp"
#include "evaluator/output_faults.hpp"

#include <functional>
#include <string>
#include <vector>

namespace kw {

enum class ProbeState { holds, fails, not_applicable };
[[nodiscard]] std::string_view name(ProbeState state);

/// One question about a task, answered.
struct ProbeAnswer {
    std::string probe;    ///< "nibbles swapped"
    std::string subject;  ///< argument, part of one, baseline; "" = the task
    ProbeState state = ProbeState::holds;
    std::string text;  ///< the case that tells it, what went wrong, or why it cannot be asked
};

/// What the reference writes: by argument, its two buffers (reference_bytes()).
struct Wanted {
    ArgumentBytes first, second;
    bool operator==(const Wanted&) const = default;
};
/// One call of a reference at some dims. Errors are the reference's: it crashed, it did not end.
/// The buffers hold a pattern that differs from call to call before it writes them.
using ReferenceCall = std::function<Result<Wanted>(const DimMap&, const ArgumentBytes&)>;

/// The cases that probes run on: the untimed ones, cheapest first; for target "cuda" those of the
/// emulated device.
[[nodiscard]] std::vector<Case> probe_cases(const Task& task, const std::string& target);

/// A failure when there are no cases. Else the answers to every fault of evaluator/input_faults.hpp
/// and evaluator/output_faults.hpp for every argument, and: the reference is deterministic (`again`
/// is a second process), its own values are accepted, no output is a copy of an input or that of
/// the call before. `seed` draws the inputs: the same one gives the same answers.
[[nodiscard]] Result<std::vector<ProbeAnswer>> probe_task(
    const Task& task,
    const std::vector<Case>& cases,
    const ReferenceCall& reference,
    const ReferenceCall& again,
    const Seed& seed);

}  // namespace kw
