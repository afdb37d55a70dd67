// SPDX-License-Identifier: Apache-2.0
#include "cli/doctor_cuda.hpp"

#include "cli/context.hpp"
#include "cli/device_choice.hpp"
#include "evaluator/device/cuda/toolkit.hpp"

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

Condition gpu_line() {
    std::error_code ignored;
    if (std::filesystem::exists("/dev/nvidiactl", ignored)) {
        return {
            "cuda",
            "an NVIDIA GPU is here; this version judges CUDA kernels on the emulated device",
            State::info,
            ""};
    }
    return {
        "cuda", "no NVIDIA GPU: none is needed, times are modelled and say so", State::info, ""};
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
    report.lines.push_back(gpu_line());
    return report;
}

}  // namespace kw::cli
