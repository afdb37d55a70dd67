// SPDX-License-Identifier: Apache-2.0
// The check stage on a GPU: every case, each called twice in one process, against the same
// reference as on the CPU, which sees neither the device nor the candidate.
#pragma once

#include "evaluator/device/cuda/gpu_contestant.hpp"

namespace kw::cuda {

struct GpuCheck {
    const GpuStage& gpu;
    const cpu::Stage& cpu;  ///< of the reference
    const Task& task;
    const std::filesystem::path& reference;
    const BuildOutcome& built;
    std::chrono::milliseconds limit{20'000};  ///< of one call
};

struct GpuCheckResult {
    cpu::CheckResult result;
    std::vector<Finding> findings;
    bool suspect = false;     ///< it ended in a way that a broken device may also cause
    std::string tool_output;  ///< of the stage's wrapper, once the process has ended
};
[[nodiscard]] Result<GpuCheckResult> run_gpu_checks(
    const GpuCheck& check,
    const std::vector<cpu::CheckCase>& cases,
    SecretStream& secrets,
    const StageObserver& observer);

/// The weights of a seat as a contestant takes them; inputs stay empty.
[[nodiscard]] Result<Content> weights_of(
    const Task& task, const DimMap& dims, const cpu::Seat& seat, std::int64_t set);

/// Whether the device still computes: a fresh process, our own kernel. An Error when not.
[[nodiscard]] Result<void> probe_device(const GpuStage& stage);

}  // namespace kw::cuda
