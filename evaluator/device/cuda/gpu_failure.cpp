// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_failure.hpp"

#include "evaluator/harness/cuda_driver.hpp"

#include <filesystem>
#include <string_view>

namespace kw::cuda {
namespace {

namespace cu = harness::cu;

struct Meaning {
    cu::Result code;
    Verdict verdict;
    const char* words;
};

constexpr Meaning k_meanings[] = {
    {cu::k_out_of_memory, Verdict::memory_limit, "it needs more memory than the device has"},
    {cu::k_illegal_address, Verdict::out_of_bounds, "it touched memory that is not its own"},
    {cu::k_misaligned_address, Verdict::runtime_error, "it made a misaligned access"},
    {cu::k_illegal_instruction, Verdict::runtime_error, "it executed an illegal instruction"},
    {cu::k_assert, Verdict::runtime_error, "an assertion failed"},
    {cu::k_hardware_stack_error, Verdict::runtime_error, "its stack overflowed"},
    {cu::k_launch_failed, Verdict::runtime_error, "the launch failed"},
    {cu::k_launch_out_of_resources,
     Verdict::runtime_error,
     "a block needs more registers or shared memory than there are"},
    {cu::k_launch_timeout, Verdict::timeout, "it ran longer than the driver allows"},
    {cu::k_cooperative_too_large,
     Verdict::runtime_error,
     "a cooperative grid must fit on the device as a whole"},
    {cu::k_invalid_value, Verdict::runtime_error, "the driver refused the launch"},
    {cu::k_invalid_ptx, Verdict::compile_error, "the driver's compiler refused the PTX"},
    {cu::k_no_binary_for_gpu, Verdict::compiled_only, "it is not for this device"},
    {harness::k_gpu_no_kernel, Verdict::runtime_error, "the module has no such kernel"},
};

/// What cuInit does not say: which node is missing, or what forbids it its own.
std::string hint_of_init() {
    std::error_code ignored;
    const bool half = std::filesystem::exists("/dev/nvidiactl", ignored) &&
                      !std::filesystem::exists("/dev/nvidia-uvm", ignored);
    return std::string(half ? "there is no /dev/nvidia-uvm" : "is /dev/nvidia-uvm there?") +
           ": nvidia-modprobe -u -c=0, outside of any container; then nvidia-smi and dmesg";
}

std::string hint_of(const GpuAnswer& answer) {
    const bool at_init = std::string_view(answer.answer.function) == "cuInit";
    if (at_init &&
        (answer.answer.error == cu::k_operating_system || answer.answer.error == cu::k_unknown)) {
        return hint_of_init();
    }
    switch (answer.answer.error) {
        case harness::k_gpu_no_library:
            return "install the NVIDIA driver (it brings libcuda.so.1), or name the library: "
                   "KWRIGHT_CUDA_DRIVER; without a GPU use --device emulated:sm_90a";
        case harness::k_gpu_no_function:
            return "the driver is too old: kwright needs 12.0 or newer";
        case cu::k_stub_library:
            return "that is the toolkit's stub: name the driver's own libcuda.so.1";
        case cu::k_no_device:
        case harness::k_gpu_no_device:
        case cu::k_invalid_device:
            return "`kwright doctor` lists the devices; CUDA_VISIBLE_DEVICES may hide them, and a "
                   "container needs --gpus all";
        case cu::k_out_of_memory:
            return "another process holds the device's memory: see nvidia-smi";
        case cu::k_unsupported_ptx_version:
        case cu::k_system_driver_mismatch:
            return "the driver is older than the CUDA toolkit: update it, or name an older toolkit "
                   "by KWRIGHT_CUDA_HOME";
        case cu::k_device_unavailable:
            return "the device is in exclusive use: see nvidia-smi -q -d COMPUTE";
        case cu::k_ecc_uncorrectable:
            return "the device reports memory errors: nvidia-smi -q -d ECC";
        default: return "see nvidia-smi and dmesg; a lost device may need nvidia-smi --gpu-reset";
    }
}

}  // namespace

std::string describe(const GpuAnswer& answer) {
    switch (answer.state) {
        case GpuAnswer::State::done: return "done";
        case GpuAnswer::State::hung: return "no answer in time";
        case GpuAnswer::State::died: return "kw-gpu ended: " + answer.words;
        case GpuAnswer::State::lost: return "device lost: kw-gpu was killed and does not end";
        case GpuAnswer::State::failed: break;
    }
    std::string text = answer.answer.function;
    text += text.empty() || answer.answer.text[0] == '\0' ? "" : ": ";
    text += answer.answer.text;
    return text.empty() ? "error " + std::to_string(answer.answer.error) : text;
}

bool is_old_driver(const GpuAnswer& answer) {
    return answer.state == GpuAnswer::State::failed &&
           answer.answer.error == cu::k_unsupported_ptx_version;
}

cpu::Rejection rejection_of(const GpuAnswer& answer, const std::string& where) {
    const std::string detail = where + "\n" + describe(answer);
    if (answer.state == GpuAnswer::State::lost) {
        return {Verdict::internal, describe(answer), where};
    }
    if (answer.state == GpuAnswer::State::hung) {
        return {Verdict::timeout, "the kernels do not end", detail};
    }
    if (answer.state == GpuAnswer::State::failed) {
        for (const Meaning& meaning : k_meanings) {
            if (meaning.code == answer.answer.error) {
                return {
                    meaning.verdict,
                    std::string(name(meaning.verdict)) + ": " + meaning.words,
                    detail};
            }
        }
    }
    return {Verdict::runtime_error, "the call failed: " + describe(answer), where};
}

Error world_error(const GpuAnswer& answer, const std::string& doing) {
    return {Errc::environment, doing + ": " + describe(answer), hint_of(answer)};
}

}  // namespace kw::cuda
