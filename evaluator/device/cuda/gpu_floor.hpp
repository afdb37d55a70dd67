// SPDX-License-Identifier: Apache-2.0
// The least time a call can take on a GPU, from its own clocks and widths and the architecture's
// rates: a true lower bound, so it errs downwards.
#pragma once

#include "evaluator/device/cuda/gpu_devices.hpp"

namespace kw::cuda {

struct GpuFloor {
    double floor_ns = 0;  ///< 0: the driver gives no memory clock and the architecture is unknown
    double roof_ns = 0;   ///< without slack: SOL = roof_ns / time
};

/// `cold`: the part of the weights that surely comes from memory, 0..1. Errc::config for a cost
/// that cannot be computed.
[[nodiscard]] Result<GpuFloor> floor_of(
    const Task& task, const DimMap& dims, const GpuInfo& gpu, double cold);

}  // namespace kw::cuda
