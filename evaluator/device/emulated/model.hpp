// SPDX-License-Identifier: Apache-2.0
// Time of a launch from counted instructions and bytes: a roofline with occupancy and latency. It
// orders kernels coarsely and names what limits them; it is not a measurement and never stands
// beside one. Method and limits: docs/emulated-device.md.
#pragma once

#include "evaluator/device/cuda/launch_plan.hpp"
#include "evaluator/device/emulated/emu_run.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kw::emulated {

/// Rates of one product per SM and clock unless the unit says otherwise, from NVIDIA's tuning
/// guides and data sheets.
struct ModelArch {
    std::string arch;     ///< "sm_90a"
    std::string product;  ///< "H100 SXM"
    double ghz = 0;
    double fma_lanes = 0;
    double integer_lanes = 0;
    double half_lanes = 0;  ///< f16x2 instructions
    double special_lanes = 0;
    double double_lanes = 0;
    double convert_lanes = 0;
    double mac_f16 = 0;  ///< dense multiply-adds of the tensor cores; s8 and fp8 twice, tf32 half
    double mac_f64 = 0;
    bool fp8 = false;
    double dram_gb_s = 0;
    double l2_gb_s = 0;
    double dram_latency_ns = 0;
    std::int64_t max_blocks = 32;  ///< resident a SM
};
[[nodiscard]] std::optional<ModelArch> model_of_arch(std::string_view arch);

struct Term {
    std::string name;  ///< "dram", "l2", "issue", "fma", "shared", "matrix", "latency", ...
    double ns = 0;
};

struct ModelledTime {
    double ns = 0;
    std::string limiter;      ///< name of the largest term
    std::vector<Term> terms;  ///< largest first
    double l2_bytes = 0;      ///< that the whole grid moves between SMs and L2
    double occupancy = 0;     ///< resident warps of those that fit, 0..1
    int blocks_per_sm = 0;
    bool uneven = false;  ///< the sampled blocks differ too much for a sample to speak for all
};

struct ModelInput {
    const LaunchReport& report;
    const RunLaunch& launch;
    int registers = 0;           ///< a thread, of ptxas; 0 = not known: 64
    std::int64_t footprint = 0;  ///< bytes of the buffers the launch may touch
};
[[nodiscard]] ModelledTime model(
    const ModelArch& arch, const cuda::DeviceConstants& device, const ModelInput& input);

/// "dram 12.1 us, l2 7.9 us, issue 3.0 us; occupancy 50 % (4 blocks a SM)"
[[nodiscard]] std::string describe(const ModelledTime& time);

}  // namespace kw::emulated
