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
    double gb_per_s = 0;  ///< the maximum over access patterns (read, write, copy, triad, several
                          ///< streams, non-temporal); a copy of n bytes moves 2 n
    double read_gb_per_s = 0;  ///< the maximum over patterns that only read
};

struct Calibration {
    std::string cpu;                    ///< "AMD EPYC ..."
    int isa_level = 0;                  ///< x86-64-vN
    std::vector<std::string> features;  ///< "avx2", "avx512vnni", "avx512vpopcntdq", ...
    int cores = 0;
    std::int64_t llc_bytes = 0;  ///< last-level cache
    std::vector<LevelBandwidth> levels;
    double f32_gflops = 0;    ///< FMA counted as two
    double f16_gflops = 0;    ///< AVX512-FP16 FMA; 0 = the machine has none
    double bf16_gflops = 0;   ///< AVX512-BF16 dot products; 0 = none
    double i8_gops = 0;       ///< multiply and add counted apart
    double bit_gops = 0;      ///< and + popcount: two operations a bit
    std::string measured_at;  ///< ISO 8601
    std::string hash;         ///< of everything that identifies the machine, not of the figures
};

/// What identifies the machine, without any figure: processor, level, features, cores, hash.
[[nodiscard]] Calibration identify_machine();

/// Reads the stored record of this machine from `cache_dir`, or measures (a few seconds) and stores
/// it. Measuring again keeps the higher of the old and the new figure: they are upper limits, and a
/// busy neighbour only ever lowers what is seen. So before a kernel is called too fast, measure
/// again. Errors (Errc::environment): the probe is missing or failed, the folder is not writable.
[[nodiscard]] Result<Calibration> calibrate(
    sandbox::Sandbox& sandbox,
    const std::filesystem::path& harness_dir,
    const std::filesystem::path& cache_dir,
    bool measure_again = false);

[[nodiscard]] std::string to_json(const Calibration& calibration);
/// Errc::config when it is not such a document or a figure is not a positive number.
[[nodiscard]] Result<Calibration> calibration_from_json(const std::string& text);

struct Floor {
    double floor_ns = 0;  ///< least physically possible, with slack: a true lower bound
    double roof_ns = 0;   ///< memory-bandwidth (or compute) roof: SOL = roof_ns / time
};
/// max(bytes/bandwidth, flop/peak). `cold`: weights rotate over three last-level caches, in at most
/// 64 sets: small ones may survive in a cache and are then not charged to memory.
///
/// floor: weights at memory's read bandwidth (only they rotate, so only they are surely cold); all
/// bytes at the cache levels that can hold them; operations at the fastest instruction that could
/// do them. Slack: 1.1 inside the core, 1.25 for L3, 1.5 for memory, whose bandwidth on shared
/// machines moves by a third within minutes. docs/measurement.md gives the reasons. Errors:
/// Errc::config for an unknown op_class or a cost that cannot be computed, Errc::environment for a
/// calibration without a needed figure.
[[nodiscard]] Result<Floor> floor_of(
    const Task& task, const DimMap& dims, const Calibration& calibration, bool cold);

}  // namespace kw::cpu
