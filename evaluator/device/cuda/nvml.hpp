// SPDX-License-Identifier: Apache-2.0
// What the driver's management library says of a device while it is timed: clocks, temperature,
// power, throttling, energy. Loaded at run time; whatever it does not say stays empty.
#pragma once

#include "evaluator/device/cuda/gpu_nodes.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kw::cuda {

struct GpuReading {
    std::optional<double> sm_mhz;
    std::optional<double> memory_mhz;
    std::optional<double> temperature_c;
    std::optional<double> power_w;
    std::optional<double> energy_j;          ///< since the driver was loaded
    std::optional<std::uint64_t> slowed_by;  ///< NVML's bits of reasons for lower clocks
    std::optional<double> most_sm_mhz;
    std::optional<std::uint64_t> broken_memory;  ///< uncorrected errors since the last reset
    std::optional<int> processes;                ///< that compute on it
};

/// Reasons that make a time worthless: power cap, heat, power brake. Idle and application clocks
/// are no such reasons.
[[nodiscard]] bool is_throttled(const GpuReading& reading);
/// "power cap, heat"; "" when none.
[[nodiscard]] std::string show_slowdown(std::uint64_t reasons);

struct MigInstance {
    std::string uuid;  ///< "MIG-8c1d..."
    MigPlace place;
};
/// Of all GPUs. Nothing when there is no library, or one that does not know of them.
[[nodiscard]] std::optional<std::vector<MigInstance>> list_mig(const std::string& driver);

class Nvml {
public:
    /// `driver`: a libcuda whose folder, or which itself, has the library (tests); a plain name:
    /// the loader's own. Null when there is none or it does not know the device.
    static std::unique_ptr<Nvml> open(const std::string& driver, const std::string& uuid);
    ~Nvml();
    Nvml(const Nvml&) = delete;
    Nvml& operator=(const Nvml&) = delete;

    [[nodiscard]] GpuReading read() const;
    [[nodiscard]] std::string driver_version() const;  ///< "580.65.06"; "" = not said

private:
    struct Table;
    explicit Nvml(std::unique_ptr<Table> table);
    std::unique_ptr<Table> table_;
};

}  // namespace kw::cuda
