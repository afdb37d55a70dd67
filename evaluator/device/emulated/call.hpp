// SPDX-License-Identifier: Apache-2.0
// One call of a CUDA candidate on the emulated device at one shape: the task's arguments and the
// plan's workspaces in one memory, the plan's launches with their parameters.
#pragma once

#include "core/csprng.hpp"
#include "evaluator/device/cpu/check_stage.hpp"
#include "evaluator/device/cpu/seat.hpp"
#include "evaluator/device/cuda/build.hpp"
#include "evaluator/device/emulated/emu_run.hpp"

#include <span>

namespace kw::emulated {

/// What cannot be launched at this shape is the candidate's fault: `refused` says why.
struct PreparedCall {
    std::string refused;
    bool unsupported = false;  ///< it is not: a GPU could, the emulated device cannot
    RunRequest request;
    std::shared_ptr<cpu::SharedMemory> memory;
    std::vector<std::int64_t> argument_bytes;  ///< by argument of the task; buffer i = argument i
    std::vector<int> registers;                ///< by launch, of ptxas; 0 = not known
    std::vector<cuda::EvaluatedLaunch> launches;

    /// `shift`: 0, or that of the second run.
    [[nodiscard]] std::span<std::byte> buffer(std::size_t index, std::int64_t shift = 0) const;
};

/// What is said of a call that was refused.
[[nodiscard]] cpu::Rejection refusal(const PreparedCall& call);

/// Bytes of every argument of role in, inout and weight, in the order of the task; others empty.
using Content = std::vector<std::vector<std::byte>>;
/// The content of a case as the judge has drawn it into a seat.
[[nodiscard]] Result<Content> content_of(
    const Task& task,
    const DimMap& dims,
    const cpu::Seat& seat,
    const cpu::Inputs& inputs,
    int placement);

/// Outputs and workspaces are poisoned with `salt`. With `again_salt` all is run once more, on a
/// copy with that poison; the caller sets the seeds.
[[nodiscard]] Result<PreparedCall> prepare_call(
    const Task& task,
    const DimMap& dims,
    const cuda::BuildOutcome& built,
    const cuda::DeviceConstants& device,
    const Content& content,
    std::uint64_t salt,
    std::optional<std::uint64_t> again_salt = std::nullopt);

}  // namespace kw::emulated
