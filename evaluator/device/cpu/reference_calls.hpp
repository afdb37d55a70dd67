// SPDX-License-Identifier: Apache-2.0
// A task's reference in sandboxed processes of its own, called with content of the caller's choice.
#pragma once

#include "evaluator/evaluator.hpp"
#include "evaluator/task_probes.hpp"

#include <vector>

namespace kw::cpu {

/// `processes` of them, apart from each other; each lives as long as its ReferenceCall, and is
/// started anew after a call that it died of. Errors: no compiler,
/// no sandbox, a reference that does not compile or start (Errc::config).
[[nodiscard]] Result<std::vector<ReferenceCall>> start_references(
    const EvaluatorConfig& config,
    const Task& task,
    const std::vector<Case>& cases,
    std::size_t processes);

}  // namespace kw::cpu
