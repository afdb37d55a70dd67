// SPDX-License-Identifier: Apache-2.0
// What must be known of a kernel at an instruction set before its code goes into a pack.
#pragma once

#include "core/candidate.hpp"
#include "core/result.hpp"
#include "core/task.hpp"
#include "evaluator/evaluator.hpp"
#include "exporter/isa_level.hpp"
#include "exporter/pack.hpp"

#include <memory>
#include <string>

namespace kw::exporter {

struct Examination {
    std::string refusal;  ///< why it cannot be exported at this level; "" = it can
    bool checked = false;
    bool keeps_state = false;
};

struct Examiner {
    virtual ~Examiner() = default;
    /// Errors only when we could not examine it.
    virtual Result<Examination> examine(
        const Task& task, const Candidate& candidate, const IsaLevel& level) = 0;
    /// Fills `code`; the refusal, or "".
    virtual Result<std::string> build_cuda(
        const Task& task, const Candidate& candidate, CudaCode& code) = 0;
};

/// Builds in the sandbox; where this machine has the level, the judge checks all cases too, hidden
/// ones with them. Refuses what does not build, what is wrong, what runs at load time (it would run
/// on any processor), and what needs a C++ library. CUDA kernels are built without a device and
/// checked on the emulated one of their architecture, where there is one.
[[nodiscard]] std::unique_ptr<Examiner> judging_examiner(
    const EvaluatorConfig& config, const StageObserver& observer);

}  // namespace kw::exporter
