// SPDX-License-Identifier: Apache-2.0
// From an evaluated plan and addresses to what kw-gpu launches.
#pragma once

#include "evaluator/device/cuda/build.hpp"
#include "evaluator/harness/gpu_protocol.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace kw::cuda {

/// The fields of cuTensorMapEncodeTiled, by CUDA's numbers. Names that evaluate() lets pass are all
/// known here.
[[nodiscard]] harness::TensorMapRecord tensormap_record(
    const EvaluatedTensorMap& map, std::uint64_t base);

struct PlannedLaunch {
    std::string kernel;  ///< as PTX spells it
    EvaluatedLaunch launch;
    std::vector<std::byte> parameters;
    std::optional<harness::MatmulRecord> matmul;  ///< in its place
};
using PlannedCall = std::vector<PlannedLaunch>;

/// Errors (Errc::config) are the candidate's: what cannot be launched at this shape.
/// `uses_library`: kernels named kw_matmul_TYPE with args=(a, b, d, M, N, K) stand for the vendor's
/// product d[M][N] = a[M][K] * b[N][K]^T, row-major; TYPE: s8 (d is s32), bf16, f16, e4m3 (d is
/// bf16, bf16, f16). Their bodies are what a device without the library runs.
[[nodiscard]] Result<PlannedCall> plan_call(
    const BuildOutcome& built,
    const EvaluatedPlan& plan,
    const DeviceConstants& device,
    const Addresses& addresses,
    bool uses_library = false);

/// LaunchRecords, then names and parameters, as they stand at `begin` of the transfer memory.
/// `count`: how many records.
[[nodiscard]] std::vector<std::byte> launch_records(
    const std::vector<PlannedCall>& calls, std::int64_t begin, std::uint64_t& count);

}  // namespace kw::cuda
