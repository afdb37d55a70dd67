// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_devices.hpp"

#include "evaluator/device/cuda/gpu_failure.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>

namespace kw::cuda {
namespace {

using namespace std::chrono_literals;

constexpr auto k_start_limit = 60s;  // the first context on a machine without persistence mode
constexpr std::int64_t k_small_transfer = 4096;

template <std::size_t n>
std::string plain_text(const char (&text)[n]) {
    std::string out(text, strnlen(text, n));
    std::erase_if(out, [](unsigned char c) { return c < 32 || c > 126; });
    return out;
}

std::string hex_of(const std::uint8_t (&uuid)[16]) {
    std::string text;
    for (const std::uint8_t byte : uuid) {
        char digits[3];
        std::snprintf(digits, sizeof(digits), "%02x", byte);
        text += digits;
    }
    return text;
}

std::string dashed(const std::string& hex) {
    return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
           hex.substr(16, 4) + "-" + hex.substr(20);
}

std::string show(const GpuInfo& gpu) {
    return "cuda:" + std::to_string(gpu.ordinal) + " (" + gpu.name + ", " + gpu.uuid + ")";
}

}  // namespace

GpuInfo info_of(const harness::DeviceRecord& record, int ordinal, int driver_version) {
    const auto at_least = [](std::int64_t value, std::int64_t least) {
        return std::max(value, least);
    };
    GpuInfo info;
    info.ordinal = ordinal;
    info.name = plain_text(record.name);
    info.uuid_hex = hex_of(record.uuid);
    const bool is_mig = info.name.find(" MIG ") != std::string::npos;
    info.uuid = (is_mig ? "MIG-" : "GPU-") + dashed(info.uuid_hex);
    info.pci = plain_text(record.pci);
    info.major = record.major;
    info.minor = record.minor;
    info.constants = {
        at_least(record.sm_count, 1),
        at_least(record.max_threads, 1),
        at_least(record.max_smem, 0),
        at_least(record.sm_smem, 0),
        at_least(record.sm_threads, 1),
        at_least(record.sm_regs, 1),
        at_least(record.l2_bytes, 0),
        record.major * 10 + record.minor};
    info.memory_bytes = static_cast<std::int64_t>(record.memory_bytes);
    info.sm_mhz = std::max(0, record.sm_khz) / 1000.0;
    info.dram_gb_s =
        std::max(0, record.memory_khz) * 1e3 * 2 * (std::max(0, record.bus_bits) / 8.0) / 1e9;
    info.ecc = record.ecc != 0;
    info.compute_mode = record.compute_mode;
    info.driver_version = driver_version;
    return info;
}

std::string arch_of(const GpuInfo& gpu) {
    const std::string plain = "sm_" + std::to_string(gpu.major) + std::to_string(gpu.minor);
    const std::vector<std::string>& known = known_archs();
    const bool has_own = std::ranges::find(known, plain + "a") != known.end();
    return has_own ? plain + "a" : plain;
}

std::string show_version(int driver_version) {
    return std::to_string(driver_version / 1000) + "." + std::to_string(driver_version % 1000 / 10);
}

Result<std::vector<GpuInfo>> list_gpus(sandbox::Sandbox& sandbox, const GpuAccess& access) {
    KW_TRY_ASSIGN(const auto runner, GpuRunner::start(sandbox, access, k_small_transfer));
    harness::Order order;
    order.what = harness::GpuDo::count;
    const GpuAnswer counted = runner->order(order, k_start_limit);
    if (!counted.ok()) {
        return world_error(counted, "asking the CUDA driver for devices");
    }
    std::vector<GpuInfo> gpus;
    const auto count = static_cast<int>(std::min<std::uint64_t>(counted.answer.a, 64));
    const auto version = static_cast<int>(std::min<std::uint64_t>(counted.answer.b, 1'000'000));
    for (int i = 0; i < count; ++i) {
        order.what = harness::GpuDo::describe;
        order.a = static_cast<std::uint64_t>(i);
        const GpuAnswer described = runner->order(order, k_start_limit);
        if (!described.ok()) {
            return world_error(described, "asking the CUDA driver for device " + std::to_string(i));
        }
        harness::DeviceRecord record;
        std::memcpy(&record, runner->transfer().data(), sizeof(record));
        gpus.push_back(info_of(record, i, version));
    }
    if (gpus.empty()) {
        return Error{
            Errc::environment,
            "looking for a GPU: the CUDA driver has no device",
            "CUDA_VISIBLE_DEVICES may hide them; a container needs --gpus all"};
    }
    return gpus;
}

Result<GpuInfo> find_gpu(sandbox::Sandbox& sandbox, GpuAccess& access, const std::string& wanted) {
    if (wanted.starts_with("MIG-")) {
        std::erase_if(
            access.env, [](const auto& entry) { return entry.first == "CUDA_VISIBLE_DEVICES"; });
        access.env.emplace_back("CUDA_VISIBLE_DEVICES", wanted);
    }
    KW_TRY_ASSIGN(const std::vector<GpuInfo> gpus, list_gpus(sandbox, access));
    const bool is_number =
        !wanted.empty() && wanted.size() <= 3 &&
        std::ranges::all_of(wanted, [](unsigned char c) { return std::isdigit(c); });
    std::vector<GpuInfo> found;
    for (const GpuInfo& gpu : gpus) {
        const bool by_number = is_number && std::stoi(wanted) == gpu.ordinal;
        if (by_number || (!is_number && !wanted.empty() && gpu.uuid.starts_with(wanted))) {
            found.push_back(gpu);
        }
    }
    if (found.size() == 1 && found.front().compute_mode != 0) {
        return Error{
            Errc::environment,
            "opening cuda:" + wanted + ": its compute mode lets " +
                (found.front().compute_mode == 3 ? "one process compute at a time, and a judgement "
                                                   "has two contexts"
                                                 : "nobody compute"),
            "nvidia-smi -c 0"};
    }
    if (found.size() == 1) {
        // Nothing of ours makes a context on a neighbour from here on.
        std::erase_if(
            access.env, [](const auto& entry) { return entry.first == "CUDA_VISIBLE_DEVICES"; });
        access.env.emplace_back("CUDA_VISIBLE_DEVICES", found.front().uuid);
        return found.front();
    }
    std::string there;
    for (const GpuInfo& gpu : gpus) {
        there += (there.empty() ? "" : ", ") + show(gpu);
    }
    return Error{
        Errc::environment,
        found.empty() ? "there is no device cuda:" + wanted
                      : "cuda:" + wanted + " is the beginning of several UUIDs",
        "there is: " + there};
}

}  // namespace kw::cuda
