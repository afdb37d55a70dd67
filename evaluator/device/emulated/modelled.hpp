// SPDX-License-Identifier: Apache-2.0
// The time stage on the emulated device: a sample of blocks of each launch is interpreted at the
// full shape, counted and modelled, for the candidate and for the task's CUDA baselines.
#pragma once

#include "core/csprng.hpp"
#include "core/evaluation.hpp"
#include "evaluator/device/emulated/call.hpp"
#include "evaluator/device/emulated/check.hpp"
#include "evaluator/device/emulated/model.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kw::emulated {

struct ModelParts {
    const Task& task;
    const ModelArch& arch;
    const cuda::DeviceConstants& device;
    Emulator& emulator;
    double wall_s = 30;  ///< for one run
    int threads = 1;
};

/// All launches of one call at one shape.
struct ModelledCall {
    double ns = 0;
    std::string limiter;            ///< of the longest launch
    std::vector<Finding> findings;  ///< terms, bank conflicts, uncoalesced accesses
    std::optional<cpu::Rejection> rejection;
};
[[nodiscard]] Result<ModelledCall> model_call(
    const ModelParts& parts,
    const Case& shape,
    const cuda::BuildOutcome& built,
    const Content& content,
    SecretStream& secrets);

/// Arguments of the shape, drawn once.
[[nodiscard]] Result<Content> draw_content(
    const Task& task, const Case& shape, SecretStream& secrets);

/// Blocks that speak for a grid of `total`: all of a small one, else the first, the last and some
/// between.
[[nodiscard]] std::vector<std::uint64_t> sample_blocks(std::uint64_t total);

}  // namespace kw::emulated
