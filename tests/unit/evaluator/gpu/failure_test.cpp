// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_devices.hpp"
#include "evaluator/device/cuda/gpu_failure.hpp"
#include "evaluator/harness/cuda_driver.hpp"
#include "tests/support/catch.hpp"

#include <cstring>

using namespace kw;
using namespace kw::cuda;
namespace cu = kw::harness::cu;

namespace {

GpuAnswer failed(std::int32_t error) {
    GpuAnswer answer;
    answer.state = GpuAnswer::State::failed;
    answer.answer.error = error;
    std::strcpy(answer.answer.function, "cuFunction");
    std::strcpy(answer.answer.text, "CUDA_ERROR_NAME");
    return answer;
}

}  // namespace

TEST_CASE("gpu failure: each code of the driver has the verdict that fits it") {
    const auto verdict = [](std::int32_t code) {
        return rejection_of(failed(code), "at N=7").verdict;
    };
    CHECK(verdict(cu::k_illegal_address) == Verdict::out_of_bounds);
    CHECK(verdict(cu::k_misaligned_address) == Verdict::runtime_error);
    CHECK(verdict(cu::k_launch_failed) == Verdict::runtime_error);
    CHECK(verdict(cu::k_unknown) == Verdict::runtime_error);
    CHECK(verdict(cu::k_out_of_memory) == Verdict::memory_limit);
    CHECK(verdict(cu::k_launch_timeout) == Verdict::timeout);
    CHECK(verdict(cu::k_invalid_ptx) == Verdict::compile_error);
    GpuAnswer lost;
    lost.state = GpuAnswer::State::lost;
    CHECK(rejection_of(lost, "there").verdict == Verdict::internal);
    CHECK(world_error(lost, "judging").what.find("device lost") != std::string::npos);
    GpuAnswer hung;
    hung.state = GpuAnswer::State::hung;
    CHECK(rejection_of(hung, "").verdict == Verdict::timeout);
    GpuAnswer died;
    died.state = GpuAnswer::State::died;
    died.words = "signal 11";
    CHECK(rejection_of(died, "").summary.find("signal 11") != std::string::npos);
    CHECK(rejection_of(failed(700), "at N=7").detail == "at N=7\ncuFunction: CUDA_ERROR_NAME");
}

TEST_CASE("gpu failure: an error of the world names what was done, and a remedy") {
    for (const std::int32_t code :
         {harness::k_gpu_no_library,
          harness::k_gpu_no_function,
          harness::k_gpu_no_device,
          cu::k_no_device,
          cu::k_out_of_memory,
          cu::k_unsupported_ptx_version,
          cu::k_device_unavailable,
          cu::k_ecc_uncorrectable,
          cu::k_unknown}) {
        const Error error = world_error(failed(code), "opening cuda:0");
        CHECK(error.code == Errc::environment);
        CHECK(error.what == "opening cuda:0: cuFunction: CUDA_ERROR_NAME");
        CHECK(!error.hint.empty());
    }
}

TEST_CASE("gpu devices: a record is read as hostile bytes") {
    harness::DeviceRecord record;
    std::memset(record.name, 'A', sizeof(record.name));  // no end
    record.name[3] = '\n';
    record.name[4] = '\x1b';
    std::memset(record.pci, 'z', sizeof(record.pci));
    record.sm_count = -5;
    record.max_threads = -1;
    record.l2_bytes = -1;
    record.memory_khz = -1;
    record.bus_bits = 512;
    const GpuInfo info = info_of(record, 0, 12040);
    CHECK(info.name.size() == sizeof(record.name) - 2);
    CHECK(info.constants.sm_count == 1);
    CHECK(info.constants.max_threads == 1);
    CHECK(info.constants.l2_bytes == 0);
    CHECK(info.dram_gb_s == 0);
    CHECK(show_version(info.driver_version) == "12.4");
}

TEST_CASE("gpu devices: bandwidth, architecture and MIG follow from the record") {
    harness::DeviceRecord record;
    std::strcpy(record.name, "NVIDIA H200 MIG 1g.18gb");
    record.uuid[0] = 0xab;
    record.major = 9;
    record.memory_khz = 3'201'000;
    record.bus_bits = 6144;
    const GpuInfo info = info_of(record, 2, 13000);
    CHECK(info.uuid == "MIG-ab000000-0000-0000-0000-000000000000");
    CHECK(info.dram_gb_s == Approx(4916.7).epsilon(0.001));
    CHECK(arch_of(info) == "sm_90a");
    GpuInfo ada;
    ada.major = 8;
    ada.minor = 9;
    CHECK(arch_of(ada) == "sm_89");
}
