// SPDX-License-Identifier: Apache-2.0
// What every CUDA device builds before it judges: the reference, the baselines, the candidate.
#pragma once

#include "evaluator/device/cpu/build.hpp"
#include "evaluator/device/cpu/check_stage.hpp"
#include "evaluator/device/cuda/build.hpp"
#include "evaluator/evaluator.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kw::cuda {

struct BuiltBaseline {
    std::string name;
    BuildOutcome built;
    bool uses_library = false;  ///< the vendor's product takes the place of kw_matmul_* kernels
};

/// Errc::usage for a task that has no CUDA target or no CUDA baseline.
[[nodiscard]] Result<void> need_cuda_side(const Task& task);

/// The reference's shared object. Errc::config when it does not compile.
[[nodiscard]] Result<std::filesystem::path> build_reference(
    cpu::Builder& builder, const Task& task);
/// In the task's order, naive first. `libraries`: also those that link one. Errc::config likewise.
[[nodiscard]] Result<std::vector<BuiltBaseline>> build_baselines(
    Builder& builder, const Task& task, const std::string& arch, bool libraries);
/// A candidate in a baseline's place. Errc::usage when it is not accepted by itself.
[[nodiscard]] Result<BuiltBaseline> build_rival(
    Builder& builder, const Task& task, const Candidate& rival, const std::string& arch);

/// Builds the candidate for the architecture of `device_id` and notes in `result` what the build
/// says. A rejection: it is not built, or for something else.
[[nodiscard]] Result<std::optional<cpu::Rejection>> build_candidate(
    Builder& builder,
    const Task& task,
    const Candidate& candidate,
    const std::string& arch,
    const std::string& device_id,
    bool independent,
    BuildOutcome& built,
    Evaluation& result);

}  // namespace kw::cuda
