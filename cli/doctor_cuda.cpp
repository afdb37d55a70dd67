// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_cuda.hpp"

#include "cli/context.hpp"
#include "cli/device_choice.hpp"
#include "evaluator/device/cuda/gpu_devices.hpp"
#include "evaluator/device/cuda/gpu_nodes.hpp"
#include "evaluator/device/cuda/toolkit.hpp"
#include "evaluator/harness_program.hpp"
#include "sandbox/sandbox.hpp"

#include <filesystem>

namespace kw::cli {
namespace {

Condition toolkit_line(const cuda::Toolkit& toolkit) {
    std::string tools;
    const auto add = [&tools](const char* name, const std::filesystem::path& file) {
        tools += file.empty() ? "" : (tools.empty() ? "" : ", ") + std::string(name);
    };
    add("NVRTC", toolkit.nvrtc);
    add("nvcc", toolkit.nvcc);
    add("ptxas", toolkit.ptxas);
    return {
        "cuda",
        "toolkit " + toolkit.version + " (" + toolkit.root.string() + ", by " + toolkit.origin +
            "): " + tools,
        State::good,
        ""};
}

/// The devices that the driver tells of, or why there is none. `looked`: something hints at a GPU.
std::vector<Condition> gpu_lines(const Config& config, bool looked) {
    if (!looked) {
        return {
            {"cuda",
             "no NVIDIA GPU: none is needed, times are modelled and say so",
             State::info,
             ""}};
    }
    const EvaluatorConfig places = evaluator_config(config);
    const auto listed = [&]() -> Result<std::vector<cuda::GpuInfo>> {
        KW_TRY_ASSIGN(const auto sandbox, sandbox::open_sandbox(places.sandbox_mode));
        KW_TRY_ASSIGN(
            std::filesystem::path program, place_program(*sandbox, places.harness_dir, "kw-gpu"));
        return cuda::list_gpus(*sandbox, cuda::gpu_access(std::move(program), places.cuda_driver));
    }();
    if (!listed) {
        return {{"cuda", listed.error().what, State::caution, listed.error().hint}};
    }
    std::vector<Condition> lines;
    for (const cuda::GpuInfo& gpu : *listed) {
        lines.push_back(
            {"cuda",
             "device cuda:" + std::to_string(gpu.ordinal) + ": " + gpu.name + " (" +
                 cuda::arch_of(gpu) + ", " + gpu.uuid + "), driver for CUDA " +
                 cuda::show_version(gpu.driver_version) + ": results are checked, times measured",
             State::good,
             ""});
    }
    return lines;
}

}  // namespace

CudaReport look_at_cuda(const Config& config, bool host_can_judge) {
    CudaReport report;
    cuda::ToolkitSearch search = cuda::usual_search();
    search.configured = config.text("cuda.home");
    const auto toolkit = cuda::find_toolkit(search);
    if (!toolkit) {
        // A folder that was named and does not hold one is worth a word in colour.
        report.lines.push_back(
            {"cuda",
             toolkit.error().what + "; CPU tasks do not need one",
             search.configured.empty() ? State::info : State::caution,
             toolkit.error().hint});
        return report;
    }
    report.lines.push_back(toolkit_line(*toolkit));
    if (!host_can_judge) {
        report.lines.push_back(
            {"cuda", "the emulated device needs what is missing above", State::info, ""});
        return report;
    }
    const std::string id = usual_device("cuda");
    const auto device = open_device(id, evaluator_config(config));
    report.can_judge = device.ok();
    if (device.ok()) {
        report.lines.push_back(
            {"cuda",
             "device " + id + ": results are checked, times are modelled",
             State::good,
             ""});
    } else {
        report.lines.push_back({"cuda", device.error().what, State::info, device.error().hint});
    }
    const bool looked = !cuda::gpu_device_nodes().empty() || !config.text("cuda.driver").empty();
    for (Condition& line : gpu_lines(config, looked)) {
        report.lines.push_back(std::move(line));
    }
    return report;
}

}  // namespace kw::cli
