// SPDX-License-Identifier: Apache-2.0
// What is declared of the driver's API against a toolkit's headers, read as text: kwright itself is
// built without any.
#include "evaluator/device/cuda/toolkit.hpp"
#include "evaluator/harness/cuda_driver.hpp"
#include "tests/support/catch.hpp"

#include <cctype>
#include <fstream>
#include <iterator>
#include <string>

using namespace kw;
namespace cu = kw::harness::cu;

namespace {

std::string header(const std::string& name) {
    const auto toolkit = cuda::find_toolkit();
    if (!toolkit) {
        return {};
    }
    for (const auto& folder : toolkit->includes) {
        std::ifstream file(folder / name);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        if (!text.empty()) {
            return text;
        }
    }
    return {};
}

/// The number behind "NAME = " or "#define NAME "; -1 when it is not there.
long number_of(const std::string& text, const std::string& name) {
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
        std::size_t next = at + name.size();
        while (next < text.size() && (text[next] == ' ' || text[next] == '\t')) {
            ++next;
        }
        if (next > at + name.size() && text[next] != '=' &&
            text.compare(at - 8, 8, "#define ") != 0) {
            continue;
        }
        next = text.find_first_not_of(" \t=", next);
        if (next != std::string::npos &&
            std::isdigit(static_cast<unsigned char>(text[next])) != 0) {
            return std::stol(text.substr(next, 12), nullptr, 0);
        }
    }
    return -1;
}

}  // namespace

TEST_CASE("cuda driver: declared numbers are those of cuda.h", "[toolkit]") {
    const std::string text = header("cuda.h");
    if (text.empty()) {
        WARN("skipped: no cuda.h here");
        return;
    }
    const std::pair<const char*, long> expected[] = {
        {"CUDA_ERROR_INVALID_VALUE", cu::k_invalid_value},
        {"CUDA_ERROR_OUT_OF_MEMORY", cu::k_out_of_memory},
        {"CUDA_ERROR_STUB_LIBRARY", cu::k_stub_library},
        {"CUDA_ERROR_DEVICE_UNAVAILABLE", cu::k_device_unavailable},
        {"CUDA_ERROR_NO_DEVICE", cu::k_no_device},
        {"CUDA_ERROR_INVALID_DEVICE", cu::k_invalid_device},
        {"CUDA_ERROR_INVALID_IMAGE", cu::k_invalid_image},
        {"CUDA_ERROR_NO_BINARY_FOR_GPU", cu::k_no_binary_for_gpu},
        {"CUDA_ERROR_ECC_UNCORRECTABLE", cu::k_ecc_uncorrectable},
        {"CUDA_ERROR_INVALID_PTX", cu::k_invalid_ptx},
        {"CUDA_ERROR_UNSUPPORTED_PTX_VERSION", cu::k_unsupported_ptx_version},
        {"CUDA_ERROR_NOT_FOUND", cu::k_not_found},
        {"CUDA_ERROR_ILLEGAL_ADDRESS", cu::k_illegal_address},
        {"CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", cu::k_launch_out_of_resources},
        {"CUDA_ERROR_LAUNCH_TIMEOUT", cu::k_launch_timeout},
        {"CUDA_ERROR_ASSERT", cu::k_assert},
        {"CUDA_ERROR_HARDWARE_STACK_ERROR", cu::k_hardware_stack_error},
        {"CUDA_ERROR_ILLEGAL_INSTRUCTION", cu::k_illegal_instruction},
        {"CUDA_ERROR_MISALIGNED_ADDRESS", cu::k_misaligned_address},
        {"CUDA_ERROR_LAUNCH_FAILED", cu::k_launch_failed},
        {"CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE", cu::k_cooperative_too_large},
        {"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", cu::k_system_driver_mismatch},
        {"CUDA_ERROR_UNKNOWN", cu::k_unknown},
        {"CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK", cu::k_max_threads_per_block},
        {"CU_DEVICE_ATTRIBUTE_CLOCK_RATE", cu::k_clock_khz},
        {"CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT", cu::k_multiprocessors},
        {"CU_DEVICE_ATTRIBUTE_COMPUTE_MODE", cu::k_compute_mode},
        {"CU_DEVICE_ATTRIBUTE_ECC_ENABLED", cu::k_ecc_enabled},
        {"CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE", cu::k_memory_clock_khz},
        {"CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH", cu::k_memory_bus_bits},
        {"CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE", cu::k_l2_bytes},
        {"CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR", cu::k_threads_per_multiprocessor},
        {"CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR", cu::k_major},
        {"CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR", cu::k_minor},
        {"CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR", cu::k_smem_per_multiprocessor},
        {"CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR",
         cu::k_registers_per_multiprocessor},
        {"CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN", cu::k_smem_per_block_optin},
        {"CU_CTX_SCHED_SPIN", static_cast<long>(cu::k_sched_spin)},
        {"CU_LIMIT_PERSISTING_L2_CACHE_SIZE", cu::k_limit_persisting_l2},
        {"CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES", cu::k_function_dynamic_smem},
        {"CU_STREAM_NON_BLOCKING", static_cast<long>(cu::k_stream_non_blocking)},
        {"CU_STREAM_CAPTURE_MODE_THREAD_LOCAL", cu::k_capture_thread_local},
        {"CU_LAUNCH_ATTRIBUTE_COOPERATIVE", static_cast<long>(cu::k_attribute_cooperative)},
        {"CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION", static_cast<long>(cu::k_attribute_cluster)},
        {"CU_JIT_ERROR_LOG_BUFFER", cu::k_jit_error_log},
        {"CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES", cu::k_jit_error_log_bytes}};
    for (const auto& [name, value] : expected) {
        INFO(name);
        CHECK(number_of(text, name) == value);
    }
    // The versions that cuda_driver.cpp names.
    for (const char* versioned :
         {"cuMemAlloc_v2",
          "cuMemFree_v2",
          "cuDeviceTotalMem_v2",
          "cuMemHostGetDevicePointer_v2",
          "cuDevicePrimaryCtxSetFlags_v2",
          "cuDeviceGetUuid_v2"}) {
        INFO(versioned);
        CHECK(text.find(versioned) != std::string::npos);
    }
}
