// SPDX-License-Identifier: Apache-2.0
#include "cli/machine_facts.hpp"

#include "core/candidate.hpp"
#include "evaluator/device/cpu/cpu_device.hpp"
#include "evaluator/device/cuda/arch_table.hpp"
#include "evaluator/device/cuda/launch_plan.hpp"
#include "evaluator/device/emulated/model.hpp"
#include "server/client/remote_device.hpp"

#include <array>
#include <cstdio>

namespace kw::cli {
namespace {

std::string whole(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.0f", value);
    return text.data();
}

std::string capacity(std::int64_t bytes) {
    if (bytes <= 0) {
        return "";
    }
    return bytes >= (1 << 20) ? " (" + std::to_string(bytes >> 20) + " MiB)"
                              : " (" + std::to_string(bytes >> 10) + " KiB)";
}

std::string kib(std::int64_t bytes) {
    return std::to_string(bytes >> 10) + " KiB";
}

/// Rates that the modelled times rest on: whole device, dense.
std::string model_facts(const emulated::ModelArch& arch, std::int64_t sm_count) {
    const double clocks = arch.ghz * static_cast<double>(sm_count);  // G a second
    const auto tera = [clocks](double a_clock) {
        return whole(2 * a_clock * clocks / 1000) + " TFLOP/s";
    };
    return "\nmodelled as " + arch.product + ": DRAM " + whole(arch.dram_gb_s) + " GB/s, L2 " +
           whole(arch.l2_gb_s) + " GB/s; f32 FMA " + tera(arch.fma_lanes) + ", f16x2 FMA " +
           tera(2 * arch.half_lanes) + "; tensor cores: f16 and bf16 " + tera(arch.mac_f16) +
           ", s8 " + (arch.fp8 ? "and fp8 " : "") + "twice that" + (arch.fp8 ? "" : ", no fp8");
}

/// An emulated device: the documented product that its constants are those of.
std::string capability_text(const std::string& arch) {
    std::string text;
    for (const std::string& line : cuda::capability_lines(arch)) {
        text += "\n" + line;
    }
    return text;
}

std::string cuda_facts(const Device& device, const std::string& arch) {
    const auto found = cuda::constants_of_arch(arch);
    if (!found) {
        return device.description();
    }
    const cuda::DeviceConstants& facts = *found;
    const auto model = emulated::model_of_arch(arch);
    return device.description() + "\n" + arch + ": " + std::to_string(facts.sm_count) +
           " multiprocessors; each: " + std::to_string(facts.sm_threads) + " threads, " +
           std::to_string(facts.sm_regs) + " registers of 32 bits, " + kib(facts.sm_smem) +
           " shared memory\n" + "a block: at most " + std::to_string(facts.max_threads) +
           " threads, " + kib(facts.max_smem) + " shared memory, 255 registers a thread\n" +
           "L2 cache " + std::to_string(facts.l2_bytes >> 20) +
           " MiB; DRAM is read in sectors of 32 bytes" +
           (model ? model_facts(*model, facts.sm_count) : "") + capability_text(arch);
}

}  // namespace

const cpu::Calibration* calibration_of(const Device& device) {
    const auto* cpu = dynamic_cast<const cpu::CpuDevice*>(&device);
    return cpu == nullptr ? nullptr : &cpu->calibration();
}

std::string machine_facts(const Device& device) {
    if (const auto* remote = dynamic_cast<const server::RemoteDevice*>(&device)) {
        if (!remote->facts().empty()) {
            return remote->facts();
        }
    }
    if (const std::string arch = device.arch(); !arch.empty()) {
        return cuda_facts(device, arch);
    }
    const cpu::Calibration* measured = calibration_of(device);
    if (measured == nullptr) {
        return device.description();
    }
    const cpu::Calibration& facts = *measured;
    std::string text =
        "processor: " + facts.cpu + ", x86-64-v" + std::to_string(facts.isa_level) + "\n";
    text += "instruction sets:";
    for (const std::string& feature : facts.features) {
        text += " " + feature;
    }
    text += "\nbandwidth of one thread, measured:";
    for (const cpu::LevelBandwidth& level : facts.levels) {
        text += " " + level.level + capacity(level.bytes) + " " + whole(level.gb_per_s) + " GB/s;";
    }
    text.back() = '\n';
    text += "peak of one thread, measured: f32 FMA " + whole(facts.f32_gflops) + " GFLOP/s; int8 " +
            whole(facts.i8_gops) + " GOP/s";
    return text;
}

}  // namespace kw::cli
