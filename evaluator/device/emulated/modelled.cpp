// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/modelled.hpp"

#include <algorithm>
#include <cstdio>

namespace kw::emulated {
namespace {

constexpr std::uint64_t k_sampled_blocks = 8;
constexpr std::size_t k_most_lines = 3;       // of each kind, told to the model
constexpr std::int64_t k_ideal_sectors = 16;  // 32 lanes x 16 bytes
constexpr double k_least_share = 0.5;         // of the bytes that the shape needs

std::string number(const char* format, double value) {
    char text[64];
    std::snprintf(text, sizeof(text), format, value);
    return text;
}

/// Source lines whose accesses cost more than they need, the worst first.
void add_access_findings(const LaunchReport& launch, std::vector<Finding>& findings) {
    std::vector<const MemoryInsn*> worst;
    for (const MemoryInsn& insn : launch.memory) {
        worst.push_back(&insn);
    }
    std::ranges::sort(
        worst, std::greater<>(), [](const MemoryInsn* insn) { return insn->count.excess; });
    for (std::size_t i = 0; i < std::min(k_most_lines, worst.size()); ++i) {
        const Count& count = worst[i]->count;
        if (count.excess > count.requests / 4) {
            findings.push_back(
                {"bank-conflicts",
                 "info",
                 "time",
                 launch.kernel + ", line " + std::to_string(worst[i]->line) + ": " +
                     worst[i]->opcode + " takes " +
                     number(
                         "%.1f",
                         static_cast<double>(count.wavefronts) /
                             static_cast<double>(std::max<std::int64_t>(1, count.requests))) +
                     " shared-memory passes a request, " +
                     number(
                         "%.1f",
                         static_cast<double>(count.wavefronts - count.excess) /
                             static_cast<double>(std::max<std::int64_t>(1, count.requests))) +
                     " would do"});
        }
    }
    std::ranges::sort(
        worst, std::greater<>(), [](const MemoryInsn* insn) { return insn->count.sectors; });
    for (std::size_t i = 0; i < std::min(k_most_lines, worst.size()); ++i) {
        const Count& count = worst[i]->count;
        if (count.sectors > k_ideal_sectors * count.requests) {
            findings.push_back(
                {"uncoalesced",
                 "info",
                 "time",
                 launch.kernel + ", line " + std::to_string(worst[i]->line) + ": " +
                     worst[i]->opcode + " touches " +
                     number(
                         "%.1f",
                         static_cast<double>(count.sectors) /
                             static_cast<double>(std::max<std::int64_t>(1, count.requests))) +
                     " sectors of 32 bytes a request"});
        }
    }
}

std::int64_t footprint_of(const PreparedCall& call) {
    std::int64_t bytes = 0;
    for (const RunBuffer& buffer : call.request.buffers) {
        bytes += buffer.bytes;
    }
    return bytes;
}

}  // namespace

std::vector<std::uint64_t> sample_blocks(std::uint64_t total) {
    std::vector<std::uint64_t> blocks;
    if (total <= 2 * k_sampled_blocks) {
        return blocks;
    }
    for (std::uint64_t i = 0; i < k_sampled_blocks; ++i) {
        blocks.push_back(i * (total - 1) / (k_sampled_blocks - 1));
    }
    return blocks;
}

Result<Floor> floor_of(const Task& task, const Case& shape, const ModelArch& arch) {
    KW_TRY_ASSIGN(const std::int64_t bytes, task.cost.bytes.eval(shape.dims));
    return Floor{bytes, static_cast<double>(bytes) / arch.dram_gb_s};
}

void hold_to_floor(ModelledCall& call, const std::string& shape, const Floor& floor, bool judged) {
    const bool idle = judged && call.bytes < k_least_share * static_cast<double>(floor.bytes);
    if (call.rejection || (call.ns >= floor.ns && !idle)) {
        return;
    }
    const std::string moved =
        "the blocks that were run move " + number("%.2f", call.bytes / 1e6) + " MB of the " +
        number("%.2f", static_cast<double>(floor.bytes) / 1e6) + " MB that the shape needs";
    const std::string time = "modelled " + number("%.1f", call.ns / 1000) + " us at " + shape;
    if (idle) {
        call.rejection = cpu::Rejection{
            Verdict::too_fast,
            "too fast to be true: " + time + ", and " + moved,
            "Every block must do its part at every shape."};
        return;
    }
    call.findings.push_back(
        {"below-floor",
         "warning",
         "time",
         time + ", the floor is " + number("%.1f", floor.ns / 1000) +
             " us: the model is wrong there (" + moved + "), and the floor counts"});
    call.ns = floor.ns;
}

Result<Content> draw_content(const Task& task, const Case& shape, SecretStream& secrets) {
    KW_TRY_ASSIGN(const cpu::Layout layout, cpu::plan_layout(task, {shape.dims}, 1));
    KW_TRY_ASSIGN(cpu::Seat seat, cpu::make_seat(layout));
    KW_TRY(cpu::draw_weights(task, shape.dims, shape.distribution, secrets, seat, 0, 0));
    KW_TRY_ASSIGN(
        const cpu::Inputs inputs, cpu::draw_inputs(task, shape.dims, shape.distribution, secrets));
    return content_of(task, shape.dims, seat, inputs, 0);
}

Result<ModelledCall> model_call(
    const ModelParts& parts,
    const Case& shape,
    const cuda::BuildOutcome& built,
    const Content& content,
    SecretStream& secrets) {
    ModelledCall modelled;
    const std::string where = "case " + shape.name + " (" + show_dims(parts.task, shape.dims) + ")";
    KW_TRY_ASSIGN(
        PreparedCall call,
        prepare_call(parts.task, shape.dims, built, parts.device, content, secrets.next_u64()));
    if (!call.refused.empty()) {
        modelled.rejection = refusal(call);
        return modelled;
    }
    call.request.checked = false;
    call.request.wall_s = parts.wall_s;
    call.request.threads = parts.threads;
    for (RunLaunch& launch : call.request.launches) {
        // A grid-wide barrier needs every block.
        if (!launch.cooperative && launch.cluster == std::array<std::uint32_t, 3>{1, 1, 1}) {
            launch.sample =
                sample_blocks(std::uint64_t{launch.grid[0]} * launch.grid[1] * launch.grid[2]);
        }
    }
    KW_TRY_ASSIGN(const RunReport report, parts.emulator.run(call.request, *call.memory));
    modelled.rejection = rejection_of(report, where);
    double longest = 0;
    for (std::size_t i = 0; i < report.launches.size() && !modelled.rejection; ++i) {
        const LaunchReport& launch = report.launches[i];
        const ModelledTime time = model(
            parts.arch,
            parts.device,
            {launch, call.request.launches[i], call.registers[i], footprint_of(call)});
        modelled.ns += time.ns;
        modelled.bytes += time.l2_bytes;
        if (time.ns > longest) {
            longest = time.ns;
            modelled.limiter = time.limiter;
        }
        modelled.findings.push_back(
            {"model",
             "info",
             "time",
             shape.name + ": " + launch.kernel + " " + number("%.1f", time.ns / 1000) +
                 " us: " + describe(time)});
        add_access_findings(launch, modelled.findings);
    }
    return modelled;
}

}  // namespace kw::emulated
