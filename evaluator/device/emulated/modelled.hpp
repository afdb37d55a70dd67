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
    double wall_s = 30;  ///< for all launches of a call
    int threads = 1;
};

/// All launches of one call at one shape.
struct ModelledCall {
    double ns = 0;
    double bytes = 0;               ///< that the launches move between SMs and L2
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

/// What every kernel has to move at a shape, and how long that takes at least.
struct Floor {
    std::int64_t bytes = 0;
    double ns = 0;  ///< at the memory bandwidth of the product
};
[[nodiscard]] Result<Floor> floor_of(const Task& task, const Case& shape, const ModelArch& arch);
/// A time below the floor is a fault of the model, or of the blocks that it was made from: it
/// becomes the floor, with a finding that says so. `judged`: a candidate whose blocks moved less
/// than half of the bytes leaves work out, whatever its time; it is rejected as too fast to be
/// true.
void hold_to_floor(ModelledCall& call, const std::string& shape, const Floor& floor, bool judged);

/// Arguments of the shape, drawn once.
[[nodiscard]] Result<Content> draw_content(
    const Task& task, const Case& shape, SecretStream& secrets);

/// Blocks that speak for a grid of `total`: all of a small one, else the first, the last and some
/// between.
[[nodiscard]] std::vector<std::uint64_t> sample_blocks(std::uint64_t total);

}  // namespace kw::emulated
