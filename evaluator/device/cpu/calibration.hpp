// SPDX-License-Identifier: Apache-2.0
// What this machine can do at most on one thread: bandwidth of each cache level and of memory, peak
// rates per instruction class. Measured once by a probe program whose loops the compiler cannot
// delete, stored, shown by doctor. The floor and SOL columns stand on it.
#pragma once

#include "core/result.hpp"
#include "core/task.hpp"
#include "sandbox/sandbox.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace kw::cpu {

struct LevelBandwidth {
    std::string level;       ///< "L1", "L2", "L3", "memory"
    std::int64_t bytes = 0;  ///< capacity; 0 for memory
    double gb_per_s = 0;  ///< the maximum over access patterns (read, copy, triad, several streams)
};

struct Calibration {
    std::string cpu;                    ///< "AMD EPYC ..."
    int isa_level = 0;                  ///< x86-64-vN
    std::vector<std::string> features;  ///< "avx2", "avx512vnni", "avx512vpopcntdq", ...
    int cores = 0;
    std::int64_t llc_bytes = 0;  ///< last-level cache
    std::vector<LevelBandwidth> levels;
    double f32_gflops = 0;    ///< FMA counted as two
    double i8_gops = 0;       ///< multiply and add counted apart
    double bit_gops = 0;      ///< and+popcount bits
    std::string measured_at;  ///< ISO 8601
    std::string hash;         ///< of everything that identifies the machine, not of the figures
};

/// Reads the stored record of this machine from `cache_dir`, or measures (a few seconds) and stores
/// it.
[[nodiscard]] Result<Calibration> calibrate(
    sandbox::Sandbox& sandbox,
    const std::filesystem::path& harness_dir,
    const std::filesystem::path& cache_dir,
    bool measure_again = false);

[[nodiscard]] std::string to_json(const Calibration& calibration);
[[nodiscard]] Result<Calibration> calibration_from_json(const std::string& text);

struct Floor {
    double floor_ns = 0;  ///< least physically possible: the cache level the working set fits in,
                          ///< peak rates, slack 1.1
    double roof_ns = 0;   ///< memory-bandwidth (or compute) roof: SOL = roof_ns / time
};
/// max(bytes/bandwidth, flop/peak). `cold`: weights come from memory whatever their size.
[[nodiscard]] Result<Floor> floor_of(
    const Task& task, const DimMap& dims, const Calibration& calibration, bool cold);

}  // namespace kw::cpu
