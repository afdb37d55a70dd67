// SPDX-License-Identifier: Apache-2.0
// What the pairs of one timed shape showed beside their times, and whether it can be believed: the
// events against the host's clock, the calls of a graph against each other, the state of the
// device. Arithmetic only; no device is asked.
#pragma once

#include "evaluator/device/cpu/check_stage.hpp"
#include "evaluator/device/cuda/gpu_contestant.hpp"
#include "evaluator/device/cuda/nvml.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace kw::cuda {

/// Times in ns; an entry a pair.
struct GpuClocks {
    std::vector<double> baseline_event, baseline_host, candidate_event, candidate_host;
    /// Of graphs: how many times longer the longest call was than the shortest, and the shortest.
    std::vector<double> baseline_spread, candidate_spread, candidate_shortest;
    std::vector<double> sm_mhz, temperature_c, power_w;  ///< two entries a pair
    std::uint64_t slowed_by = 0;                         ///< NVML's bits, of all pairs
    int late_pairs = 0;  ///< whose launches took longer than a stream is held
};

/// Keeps it. True: the clock was lowered, and the pair says nothing.
[[nodiscard]] bool keep_reading(const GpuReading& now, GpuClocks& clocks);

/// `null_ns`: what the events of an empty call cost.
void keep_times(
    const GpuCallResult& baseline,
    const GpuCallResult& candidate,
    double null_ns,
    GpuClocks& clocks);
/// What a call counts for: a graph as its longest call, because one that did the work of the others
/// is paid for it.
[[nodiscard]] double counted_ns(const GpuCallResult& call, double null_ns);

/// Device code shares a context with the events, whose time stamps lie somewhere in its memory. So
/// the host's clock must tell the same story about the candidate as about the baseline.
[[nodiscard]] std::optional<cpu::Rejection> disbelieve_clock(const GpuClocks& clocks);
/// The `calls` of a graph do equal work: one far below the others left its own to them.
[[nodiscard]] std::optional<cpu::Rejection> disbelieve_calls(
    const GpuClocks& clocks, int calls, double floor_ns);

}  // namespace kw::cuda
