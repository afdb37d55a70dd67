// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/model.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace kw::emulated {
namespace {

constexpr double k_launch_ns = 2000;        // an empty kernel behind another one
constexpr double k_issue = 4;               // warp instructions a clock: four schedulers
constexpr double k_dependent_clocks = 4.5;  // from one instruction of a warp to the next
constexpr double k_loads_in_flight = 4;     // of one warp: compilers hoist about so many
constexpr double k_shared_clocks = 24;
constexpr double k_barrier_clocks = 30;
constexpr double k_uneven = 0.25;
constexpr int k_unknown_registers = 64;

/// Multiply-adds of one warp-wide matrix instruction, by its shape, relative to what f16 costs.
double matrix_macs(const std::string& opcode) {
    int m = 0, n = 0, k = 0;
    std::size_t at = opcode.find(".m");
    while (at != std::string::npos &&
           std::sscanf(opcode.c_str() + at, ".m%dn%dk%d", &m, &n, &k) != 3) {
        at = opcode.find(".m", at + 2);  // not the .mma_async of wgmma
    }
    if (at == std::string::npos) {
        return 0;
    }
    // Load and store forms of wmma move data only.
    if (opcode.starts_with("wmma.") && !opcode.starts_with("wmma.mma")) {
        return 0;
    }
    const double macs = static_cast<double>(m) * n * k / (opcode.starts_with("wgmma") ? 4 : 1);
    const auto has = [&opcode](const char* part) {
        return opcode.find(part) != std::string::npos;
    };
    if (has(".tf32")) {
        return 2 * macs;
    }
    if (has(".b1")) {
        return macs / 16;
    }
    if (has(".s4") || has(".u4")) {
        return macs / 4;
    }
    return has(".s8") || has(".u8") || has(".e4m3") || has(".e5m2") ? macs / 2 : macs;
}

struct Occupancy {
    int blocks = 0;
    double share = 0;
};

Occupancy occupancy_of(
    const ModelArch& arch, const cuda::DeviceConstants& device, const ModelInput& input) {
    const double threads =
        static_cast<double>(input.launch.block[0]) * input.launch.block[1] * input.launch.block[2];
    const double warps = std::ceil(threads / 32);
    const double registers = input.registers > 0 ? input.registers : k_unknown_registers;
    // Registers are given out to a warp in units of 256.
    const double warp_registers = std::ceil(registers * 32 / 256) * 256;
    const double shared = static_cast<double>(input.report.shared_bytes) + 1024;
    double blocks = static_cast<double>(arch.max_blocks);
    blocks = std::min(blocks, std::floor(static_cast<double>(device.sm_threads) / (warps * 32)));
    blocks = std::min(
        blocks, std::floor(static_cast<double>(device.sm_regs) / (warp_registers * warps)));
    blocks = std::min(blocks, std::floor(static_cast<double>(device.sm_smem) / shared));
    blocks = std::max(blocks, 1.0);
    return {
        static_cast<int>(blocks),
        std::min(1.0, blocks * warps * 32 / static_cast<double>(device.sm_threads))};
}

/// Clocks that one block keeps each unit of its SM busy.
std::vector<Term> block_clocks(const ModelArch& arch, const LaunchReport& report, double blocks) {
    const auto threads = [&](const char* work) {
        const auto found = report.by_work.find(work);
        return found == report.by_work.end() ? 0.0
                                             : static_cast<double>(found->second.threads) / blocks;
    };
    const auto warps = [&](const char* work) {
        const auto found = report.by_work.find(work);
        return found == report.by_work.end() ? 0.0
                                             : static_cast<double>(found->second.warps) / blocks;
    };
    double lines = 0, wavefronts = 0, macs = 0;
    for (const MemoryInsn& insn : report.memory) {
        lines += static_cast<double>(insn.count.lines) / blocks;
        wavefronts += static_cast<double>(insn.count.wavefronts) / blocks;
        if (insn.work == "matrix") {
            macs += matrix_macs(insn.opcode) * static_cast<double>(insn.count.warps) / blocks;
        }
    }
    // Moves vanish in register allocation.
    const double issued = static_cast<double>(report.warp_instructions) / blocks - warps("move");
    std::vector<Term> terms{
        {"issue", issued / k_issue},
        {"fma", threads("multiply_add") / arch.fma_lanes},
        {"integer", (threads("integer") + threads("predicate")) / arch.integer_lanes},
        {"half", threads("half") / arch.half_lanes},
        {"convert", threads("convert") / arch.convert_lanes},
        {"special", (threads("special") + 4 * threads("divide")) / arch.special_lanes},
        {"double", threads("double") / arch.double_lanes},
        {"load-store", lines},
        {"shared", wavefronts},
        {"matrix", macs / arch.mac_f16}};
    return terms;
}

double latency_clocks(const ModelArch& arch, const ModelInput& input, double blocks) {
    const double warps = std::max(
        1.0,
        std::ceil(
            static_cast<double>(input.launch.block[0]) * input.launch.block[1] *
            input.launch.block[2] / 32));
    const double a_warp = blocks * warps;
    double global = 0, shared = 0;
    for (const MemoryInsn& insn : input.report.memory) {
        (insn.count.wavefronts > 0 ? shared : global) +=
            static_cast<double>(insn.count.requests) / a_warp;
    }
    return static_cast<double>(input.report.warp_instructions) / a_warp * k_dependent_clocks +
           global * arch.dram_latency_ns * arch.ghz / k_loads_in_flight +
           shared * k_shared_clocks / k_loads_in_flight +
           static_cast<double>(input.report.barriers) / a_warp * k_barrier_clocks;
}

}  // namespace

std::optional<ModelArch> model_of_arch(std::string_view arch) {
    // A100 SXM 80 GB, L40S, H100 SXM: boost clock, data sheets; throughput by the programming
    // guide's table of arithmetic instructions.
    static const ModelArch k_archs[] = {
        {"sm_80",
         "A100 SXM 80 GB",
         1.41,
         64,
         64,
         128,
         16,
         32,
         64,
         1024,
         64,
         false,
         2039,
         4500,
         470,
         32},
        {"sm_89", "L40S", 2.52, 128, 64, 64, 16, 2, 64, 512, 2, true, 864, 4000, 450, 24},
        {"sm_90",
         "H100 SXM",
         1.83,
         128,
         64,
         128,
         16,
         64,
         64,
         2048,
         128,
         true,
         3350,
         7000,
         480,
         32}};
    for (const ModelArch& entry : k_archs) {
        if (arch == entry.arch || (entry.arch == "sm_90" && arch == "sm_90a")) {
            ModelArch found = entry;
            found.arch = arch;
            return found;
        }
    }
    return std::nullopt;
}

ModelledTime model(
    const ModelArch& arch, const cuda::DeviceConstants& device, const ModelInput& input) {
    const LaunchReport& report = input.report;
    const double run = std::max<double>(1, static_cast<double>(report.blocks_run));
    const double total = std::max<double>(run, static_cast<double>(report.blocks_total));
    const Occupancy occupancy = occupancy_of(arch, device, input);
    const double sms = static_cast<double>(device.sm_count);
    const double on_busiest = std::ceil(total / sms);
    const double rounds = std::ceil(on_busiest / occupancy.blocks);

    ModelledTime time;
    time.blocks_per_sm = occupancy.blocks;
    time.occupancy = occupancy.share;
    time.uneven = report.blocks_run < report.blocks_total && report.block_variation > k_uneven;
    for (Term& term : block_clocks(arch, report, run)) {
        time.terms.push_back({term.name, term.ns * on_busiest / arch.ghz});
    }
    time.terms.push_back({"latency", latency_clocks(arch, input, run) * rounds / arch.ghz});
    double sectors = 0;
    for (const MemoryInsn& insn : report.memory) {
        sectors += static_cast<double>(insn.count.sectors);
    }
    time.l2_bytes = sectors * 32 * total / run;
    const double dram_bytes = std::min(time.l2_bytes, static_cast<double>(input.footprint));
    time.terms.push_back({"l2", time.l2_bytes / arch.l2_gb_s});
    time.terms.push_back({"dram", dram_bytes / arch.dram_gb_s});
    std::ranges::sort(time.terms, std::greater<>(), &Term::ns);
    time.limiter = time.terms.front().name;
    time.ns = k_launch_ns + time.terms.front().ns;
    return time;
}

std::string describe(const ModelledTime& time) {
    std::string text;
    char part[96];
    for (std::size_t i = 0; i < std::min<std::size_t>(4, time.terms.size()); ++i) {
        std::snprintf(
            part,
            sizeof(part),
            "%s%s %.1f us",
            i == 0 ? "" : ", ",
            time.terms[i].name.c_str(),
            time.terms[i].ns / 1000);
        text += part;
    }
    std::snprintf(
        part,
        sizeof(part),
        "; occupancy %.0f %% (%d blocks a SM)",
        100 * time.occupancy,
        time.blocks_per_sm);
    return text + part + (time.uneven ? "; the sampled blocks differ much" : "");
}

}  // namespace kw::emulated
