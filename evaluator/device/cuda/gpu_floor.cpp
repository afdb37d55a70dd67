// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_floor.hpp"

#include "evaluator/device/cuda/arch_table.hpp"

#include <algorithm>

namespace kw::cuda {
namespace {

constexpr double k_memory_slack = 1.05;  // theoretical bandwidth: nothing reaches it
constexpr double k_clock_slack = 1.05;   // the highest clock that the driver tells

/// Operations a nanosecond of the fastest unit that could do them.
double operations_per_ns(const Task& task, const GpuInfo& gpu) {
    const ArchTraits* traits = arch_traits(arch_of(gpu));
    if (traits == nullptr || gpu.sm_mhz <= 0 || task.cost.op_class == "none") {
        return 0;
    }
    // A kernel may use narrower types than the task names (docs/measurement.md): the widest rate.
    const double clocked = gpu.sm_mhz * 1e-3 * static_cast<double>(gpu.constants.sm_count);
    return 2 * traits->most_macs * clocked;
}

}  // namespace

Result<GpuFloor> floor_of(const Task& task, const DimMap& dims, const GpuInfo& gpu, double cold) {
    KW_TRY_ASSIGN(const std::int64_t bytes, task.cost.bytes.eval(dims));
    KW_TRY_ASSIGN(const std::int64_t flop, task.cost.flop.eval(dims));
    double weights = 0;
    double others = 0;
    for (const Arg& arg : task.args) {
        KW_TRY_ASSIGN(const std::int64_t size, byte_size(arg, dims));
        (arg.role == Role::weight ? weights : others) += static_cast<double>(size);
    }
    // A task may need only part of its weights: count what the other arguments cannot explain.
    const double needed = std::min(weights, std::max(0.0, static_cast<double>(bytes) - others));
    const double rate = operations_per_ns(task, gpu);
    const double compute_ns = rate > 0 ? static_cast<double>(flop) / rate : 0;
    GpuFloor floor;
    if (gpu.dram_gb_s > 0) {
        floor.floor_ns = needed * cold / gpu.dram_gb_s / k_memory_slack;
        floor.roof_ns = static_cast<double>(bytes) / gpu.dram_gb_s;
    }
    floor.floor_ns = std::max(floor.floor_ns, compute_ns / k_clock_slack);
    floor.roof_ns = std::max(floor.roof_ns, compute_ns);
    return floor;
}

}  // namespace kw::cuda
