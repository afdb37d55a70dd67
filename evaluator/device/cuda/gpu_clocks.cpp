// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_clocks.hpp"

#include "evaluator/device/cpu/summary.hpp"
#include "evaluator/statistics.hpp"

#include <algorithm>
#include <string>

namespace kw::cuda {
namespace {

constexpr double k_clock_ratio = 2;   // host against events, candidate against baseline
constexpr double k_spread_ratio = 3;  // longest to shortest call of a graph, against the baseline's
constexpr double k_clock_slack_ns = 20'000;
constexpr double k_slow_clock = 0.9;  // of the run's median: below it a sample says nothing

void keep(const std::optional<double>& value, std::vector<double>& list) {
    if (value) {
        list.push_back(*value);
    }
}

double spread(const GpuCallResult& call) {
    return std::ranges::max(call.call_ns) / std::max(1.0, std::ranges::min(call.call_ns));
}

}  // namespace

bool keep_reading(const GpuReading& now, GpuClocks& clocks) {
    keep(now.sm_mhz, clocks.sm_mhz);
    keep(now.temperature_c, clocks.temperature_c);
    keep(now.power_w, clocks.power_w);
    clocks.slowed_by |= now.slowed_by.value_or(0);
    const bool slow =
        now.sm_mhz && *now.sm_mhz > 0 && *now.sm_mhz < k_slow_clock * stats::median(clocks.sm_mhz);
    return slow || is_throttled(now);
}

double counted_ns(const GpuCallResult& call, double null_ns) {
    const double ns = call.call_ns.empty() ? call.event_ns : std::ranges::max(call.call_ns);
    return std::max(1.0, ns - null_ns);
}

void keep_times(
    const GpuCallResult& baseline,
    const GpuCallResult& candidate,
    double null_ns,
    GpuClocks& clocks) {
    clocks.baseline_event.push_back(baseline.event_ns);
    clocks.baseline_host.push_back(baseline.host_ns);
    clocks.candidate_event.push_back(candidate.event_ns);
    clocks.candidate_host.push_back(candidate.host_ns);
    if (!candidate.call_ns.empty() && !baseline.call_ns.empty()) {
        clocks.baseline_spread.push_back(spread(baseline));
        clocks.candidate_spread.push_back(spread(candidate));
        clocks.candidate_shortest.push_back(
            std::max(1.0, std::ranges::min(candidate.call_ns) - null_ns));
    }
}

std::optional<cpu::Rejection> disbelieve_clock(const GpuClocks& clocks) {
    if (clocks.candidate_event.empty()) {
        return std::nullopt;
    }
    const double host = stats::median(clocks.candidate_host);
    const double event = std::max(1.0, stats::median(clocks.candidate_event));
    const double usual =
        stats::median(clocks.baseline_host) / std::max(1.0, stats::median(clocks.baseline_event));
    if (host - event < k_clock_slack_ns || host / event < k_clock_ratio * usual) {
        return std::nullopt;
    }
    return cpu::Rejection{
        Verdict::too_fast,
        "too fast to be true: the device's events say " + cpu::show_us(event) +
            ", the host's clock " + cpu::show_us(host) + " (baseline: " + std::to_string(usual) +
            " times its events)",
        "Work that the events do not see, or events that were written to."};
}

std::optional<cpu::Rejection> disbelieve_calls(
    const GpuClocks& clocks, int calls, double floor_ns) {
    if (clocks.candidate_spread.empty()) {
        return std::nullopt;
    }
    const double shortest = stats::median(clocks.candidate_shortest);
    const double mine = stats::median(clocks.candidate_spread);
    const double theirs = stats::median(clocks.baseline_spread);
    if (shortest >= floor_ns && mine < k_spread_ratio * theirs) {
        return std::nullopt;
    }
    return cpu::Rejection{
        Verdict::too_fast,
        "too fast to be true: the shortest of " + std::to_string(calls) + " calls takes " +
            cpu::show_us(shortest) + ", the longest " + std::to_string(mine) +
            " times as long (baseline: " + std::to_string(theirs) + "), the floor is " +
            cpu::show_us(floor_ns),
        "The calls of a graph do equal work: one of them did that of others."};
}

}  // namespace kw::cuda
