// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_devices.hpp"

#include "evaluator/device/cuda/gpu_failure.hpp"
#include "evaluator/device/cuda/nvml.hpp"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstring>

namespace kw::cuda {
namespace {

using namespace std::chrono_literals;

constexpr auto k_context_limit = 60s;  // the first context on a machine without persistence mode
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

void show_alone(GpuAccess& access, const std::string& uuid) {
    std::erase_if(
        access.env, [](const auto& entry) { return entry.first == "CUDA_VISIBLE_DEVICES"; });
    access.env.emplace_back("CUDA_VISIBLE_DEVICES", uuid);
}

/// The instance that a prefix means. Without NVML only a whole name does: "MIG-" and a UUID, or the
/// older "MIG-GPU-UUID/1/0".
Result<MigInstance> find_mig(const std::string& driver, const std::string& wanted) {
    constexpr std::size_t k_whole = 4 + 36;
    const auto instances = list_mig(driver);
    const bool whole = wanted.size() == k_whole || wanted.find('/') != std::string::npos;
    if (!instances && !whole) {
        return Error{
            Errc::environment,
            "looking for cuda:" + wanted + ": without NVML the beginning of a UUID tells nothing",
            "name the whole UUID: nvidia-smi -L"};
    }
    std::vector<MigInstance> found;
    std::string there;
    for (const MigInstance& each : instances.value_or(std::vector<MigInstance>{})) {
        there += (there.empty() ? "" : ", ") + ("cuda:" + each.uuid);
        if (each.uuid.starts_with(wanted)) {
            found.push_back(each);
        }
    }
    if (found.size() == 1) {
        return found.front();
    }
    if (found.empty() && (!instances || wanted.find('/') != std::string::npos)) {
        return MigInstance{wanted, {-1, -1}};
    }
    return Error{
        Errc::environment,
        found.empty() ? "there is no device cuda:" + wanted
                      : "cuda:" + wanted + " is the beginning of several UUIDs",
        there.empty() ? "no GPU here is divided into MIG instances: nvidia-smi mig -lgi"
                      : "there is: " + there};
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
    const GpuAnswer counted = runner->order(order, k_context_limit);
    if (!counted.ok()) {
        return world_error(counted, "asking the CUDA driver for devices");
    }
    std::vector<GpuInfo> gpus;
    const auto count = static_cast<int>(std::min<std::uint64_t>(counted.answer.a, 64));
    const auto version = static_cast<int>(std::min<std::uint64_t>(counted.answer.b, 1'000'000));
    for (int i = 0; i < count; ++i) {
        order.what = harness::GpuDo::describe;
        order.a = static_cast<std::uint64_t>(i);
        const GpuAnswer described = runner->order(order, k_context_limit);
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

namespace {

Error no_such(const std::vector<GpuInfo>& gpus, const std::string& wanted, bool several) {
    std::string there;
    for (const GpuInfo& gpu : gpus) {
        there += (there.empty() ? "" : ", ") + show(gpu);
    }
    return {
        Errc::environment,
        several ? "cuda:" + wanted + " is the beginning of several UUIDs"
                : "there is no device cuda:" + wanted,
        "there is: " + there};
}

Result<void> check_compute_mode(const GpuInfo& gpu, const std::string& wanted) {
    if (gpu.compute_mode == 0) {
        return {};
    }
    return Error{
        Errc::environment,
        "opening cuda:" + wanted + ": its compute mode lets " +
            (gpu.compute_mode == 3 ? "one process compute at a time, and a judgement has two "
                                     "contexts"
                                   : "nobody compute"),
        "nvidia-smi -c 0"};
}

}  // namespace

Result<GpuInfo> find_gpu(sandbox::Sandbox& sandbox, GpuAccess& access, const std::string& wanted) {
    std::optional<MigInstance> mig;
    if (wanted.starts_with("MIG-")) {
        KW_TRY_ASSIGN(mig, find_mig(access.driver, wanted));
        show_alone(access, mig->uuid);
    }
    KW_TRY_ASSIGN(const std::vector<GpuInfo> gpus, list_gpus(sandbox, access));
    const bool is_number =
        !wanted.empty() && wanted.size() <= 3 &&
        std::ranges::all_of(wanted, [](unsigned char c) { return std::isdigit(c); });
    std::vector<GpuInfo> found;
    for (const GpuInfo& gpu : gpus) {
        const bool by_number = is_number && std::stoi(wanted) == gpu.ordinal;
        const bool by_name = !is_number && !wanted.empty() && gpu.uuid.starts_with(wanted);
        // The older form of a MIG name is no prefix of the UUID; nothing else is in sight then.
        if (by_number || by_name || (mig && gpus.size() == 1 && gpu.uuid.starts_with("MIG-"))) {
            found.push_back(gpu);
        }
    }
    if (found.size() != 1) {
        return no_such(gpus, wanted, !found.empty());
    }
    const GpuInfo& gpu = found.front();
    KW_TRY(check_compute_mode(gpu, wanted));
    // Nothing of ours makes a context on a neighbour from here on, or could.
    show_alone(access, mig ? mig->uuid : gpu.uuid);
    const bool has_place = mig && mig->place.gpu_instance >= 0;
    const auto own = nodes_of_gpu(
        gpu.pci,
        has_place ? std::optional(mig->place)
        : mig     ? std::optional(MigPlace{-1, -1})
                  : std::nullopt);
    if (!access.nodes.empty()) {
        access.nodes = own;
    }
    return gpu;
}

}  // namespace kw::cuda
