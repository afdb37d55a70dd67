// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/calibration.hpp"
#include "evaluator/device/cpu/rotation.hpp"

#include <algorithm>
#include <string>

namespace kw::cpu {
namespace {

constexpr double k_core_slack = 1.1;
constexpr double k_shared_cache_slack = 1.25;
constexpr double k_memory_slack = 1.5;

/// Bytes of one call, split by what is known of where they lie.
struct Traffic {
    double total = 0;   ///< task.cost.bytes
    double writes = 0;  ///< of them: outputs
    double cold = 0;    ///< of them: weights that the rotation has thrown out of every cache
};

Result<Traffic> traffic_of(
    const Task& task, const DimMap& dims, const Calibration& calibration, bool cold) {
    KW_TRY_ASSIGN(const std::int64_t least, task.cost.bytes.eval(dims));
    double weights = 0;
    double others = 0;
    double writes = 0;
    for (const Arg& arg : task.args) {
        KW_TRY_ASSIGN(const std::int64_t bytes, byte_size(arg, dims));
        const auto size = static_cast<double>(bytes);
        if (arg.role == Role::weight) {
            weights += size;
        } else if (arg.role != Role::workspace) {
            others += size;
        }
        if (arg.role == Role::out || arg.role == Role::inout) {
            writes += size;
        }
    }
    Traffic traffic;
    traffic.total = static_cast<double>(std::max<std::int64_t>(least, 0));
    traffic.writes = std::min(writes, traffic.total);
    // A task may need only part of its weights: count what the other arguments cannot explain.
    if (cold && weights > 0) {
        traffic.cold =
            std::min(weights, std::max(0.0, traffic.total - others)) *
            plan_rotation(static_cast<std::int64_t>(weights), calibration.llc_bytes).cold;
    }
    return traffic;
}

double slack_of(const LevelBandwidth& level) {
    if (level.bytes == 0) {
        return k_memory_slack;
    }
    return level.level == "L3" ? k_shared_cache_slack : k_core_slack;
}

/// Whatever is nearer can hold its capacity and no more: the rest must come through this level.
double on_chip_ns(double total, const Calibration& calibration) {
    double worst = 0;
    double held = 0;
    for (const LevelBandwidth& level : calibration.levels) {
        const double rest = std::max(0.0, total - held);
        worst = std::max(worst, rest / level.gb_per_s / slack_of(level));
        held += static_cast<double>(level.bytes);
    }
    return worst;
}

struct Peaks {
    double usual = 0;    ///< what the roof is drawn with
    double highest = 0;  ///< the fastest instruction that could stand in
};

Result<Peaks> peaks_of(const Task& task, const Calibration& c) {
    const std::string& op_class = task.cost.op_class;
    Peaks peaks;
    if (op_class.empty() || op_class == "none") {
        return peaks;
    }
    if (op_class == "f32") {
        peaks = {c.f32_gflops, std::max({c.f32_gflops, c.f16_gflops, c.bf16_gflops})};
    } else if (op_class == "i8") {
        peaks = {c.i8_gops, std::max({c.i8_gops, c.f32_gflops, c.bf16_gflops, c.f16_gflops})};
    } else if (op_class == "bit") {
        peaks = {c.bit_gops, c.bit_gops};
    } else {
        return Error{
            Errc::config,
            "computing the floor of " + task.name + ": there is no op_class '" + op_class + "'",
            "op_class is one of f32, i8, bit, none"};
    }
    if (peaks.usual <= 0) {
        return Error{
            Errc::environment,
            "computing the floor of " + task.name + ": the calibration has no rate for " + op_class,
            "run kwright doctor to measure the machine again"};
    }
    return peaks;
}

}  // namespace

Result<Floor> floor_of(
    const Task& task, const DimMap& dims, const Calibration& calibration, bool cold) {
    const auto memory = std::ranges::find(calibration.levels, 0, &LevelBandwidth::bytes);
    const bool usable = std::ranges::all_of(calibration.levels, [](const LevelBandwidth& level) {
        return level.gb_per_s > 0 && level.read_gb_per_s > 0;
    });
    if (memory == calibration.levels.end() || !usable) {
        return Error{
            Errc::environment,
            "computing the floor of " + task.name + ": the calibration has no memory bandwidth",
            "run kwright doctor to measure the machine again"};
    }
    KW_TRY_ASSIGN(const Traffic traffic, traffic_of(task, dims, calibration, cold));
    KW_TRY_ASSIGN(const Peaks peaks, peaks_of(task, calibration));
    KW_TRY_ASSIGN(const std::int64_t operations, task.cost.flop.eval(dims));
    const auto flop = static_cast<double>(std::max<std::int64_t>(operations, 0));

    // Bytes per nanosecond is GB/s.
    Floor floor;
    floor.floor_ns = std::max(
        on_chip_ns(traffic.total, calibration),
        traffic.cold / memory->read_gb_per_s / k_memory_slack);
    floor.roof_ns = std::max(
        (traffic.total - traffic.writes) / memory->read_gb_per_s, traffic.total / memory->gb_per_s);
    if (peaks.usual > 0) {
        floor.floor_ns = std::max(floor.floor_ns, flop / peaks.highest / k_core_slack);
        floor.roof_ns = std::max(floor.roof_ns, flop / peaks.usual);
    }
    return floor;
}

}  // namespace kw::cpu
