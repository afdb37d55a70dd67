// SPDX-License-Identifier: Apache-2.0
// What an order that failed means: the candidate's doing (a verdict) or the world's (an Error).
// CUDA's codes do not tell them apart: an out-of-bounds store may end as "unknown error", and a
// dead GPU too. So a failure of a candidate counts only once a fresh process finds the device well
// (CudaDevice asks).
#pragma once

#include "evaluator/device/cpu/check_stage.hpp"
#include "evaluator/device/cuda/gpu_runner.hpp"

#include <optional>
#include <string>

namespace kw::cuda {

/// "cuLaunchKernelEx: CUDA_ERROR_ILLEGAL_ADDRESS"; how it died or that it hung.
[[nodiscard]] std::string describe(const GpuAnswer& answer);

/// Of a candidate's load or call; `where` is the case.
[[nodiscard]] cpu::Rejection rejection_of(const GpuAnswer& answer, const std::string& where);

/// Of an order that no candidate had a part in: `doing` is "opening cuda:0". Errc::environment with
/// a hint: no driver, one older than the toolkit, no device, no memory, device lost.
[[nodiscard]] Error world_error(const GpuAnswer& answer, const std::string& doing);

/// The driver cannot load what our toolkit makes: nobody's candidate is at fault.
[[nodiscard]] bool is_old_driver(const GpuAnswer& answer);

}  // namespace kw::cuda
