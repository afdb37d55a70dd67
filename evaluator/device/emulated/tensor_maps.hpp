// SPDX-License-Identifier: Apache-2.0
// The tensor maps of a launch plan as the emulated device reads them (engine/tensor_map.hpp).
#pragma once

#include "evaluator/device/cuda/launch_plan.hpp"
#include "evaluator/device/emulated/engine/tensor_map.hpp"

#include <optional>

namespace kw::emulated {

/// Nothing: an interleaved map, which the emulated device does not have. `base`: device address of
/// the map's buffer.
[[nodiscard]] std::optional<emu::TensorMap> tensor_map_of(
    const cuda::EvaluatedTensorMap& map, std::uint64_t base);

}  // namespace kw::emulated
