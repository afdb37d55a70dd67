// SPDX-License-Identifier: Apache-2.0
// The GPUs of this machine, as the driver tells them, and their ids: "cuda:0" (PCI order),
// "cuda:GPU-3f2a...", "cuda:MIG-8c1d..." (any unique prefix of a UUID).
#pragma once

#include "evaluator/device/cuda/gpu_runner.hpp"
#include "evaluator/device/cuda/launch_plan.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kw::cuda {

struct GpuInfo {
    int ordinal = 0;
    std::string name;      ///< "NVIDIA H200"
    std::string uuid;      ///< "GPU-3f2a0c1e-...": of the GPU, or of the MIG instance in sight
    std::string uuid_hex;  ///< as kw-gpu takes it
    std::string pci;
    int major = 0, minor = 0;
    DeviceConstants constants;  ///< its own figures
    std::int64_t memory_bytes = 0;
    double sm_mhz = 0;     ///< highest; 0 = the driver does not say
    double dram_gb_s = 0;  ///< theoretical: memory clock x 2 x bus width; 0 = not said
    bool ecc = false;
    int compute_mode = 0;    ///< CUcomputemode: 0 shared, 2 none may compute, 3 one process alone
    int driver_version = 0;  ///< 12040 = CUDA 12.4
};
/// The architecture to build for: "sm_90a" where the device has features of its own.
[[nodiscard]] std::string arch_of(const GpuInfo& gpu);
/// "12.4"
[[nodiscard]] std::string show_version(int driver_version);

/// Asks the driver, in a process of its own. Errors: world_error(), and a machine without a device.
[[nodiscard]] Result<std::vector<GpuInfo>> list_gpus(
    sandbox::Sandbox& sandbox, const GpuAccess& access);

/// What stands behind "cuda:"; from then on `access` shows that device alone, by environment and
/// nodes. A MIG instance is asked for by its whole UUID, because CUDA shows only one at a time:
/// NVML completes a prefix. Errors: none such, with what there is; an ambiguous prefix.
[[nodiscard]] Result<GpuInfo> find_gpu(
    sandbox::Sandbox& sandbox, GpuAccess& access, const std::string& wanted);

/// A record as kw-gpu gave it: text is cut and made plain, counts are clamped.
[[nodiscard]] GpuInfo info_of(const harness::DeviceRecord& record, int ordinal, int driver_version);

}  // namespace kw::cuda
