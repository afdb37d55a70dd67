// SPDX-License-Identifier: Apache-2.0
// Constants of architectures, of one documented product each (vendor's programming guide, table of
// technical specifications per compute capability; product data sheets for counts and caches).
#include "evaluator/device/cuda/launch_plan.hpp"

#include <algorithm>

namespace kw::cuda {
namespace {

constexpr std::int64_t k_mib = std::int64_t{1} << 20;

struct ArchRow {
    std::string_view arch;
    DeviceConstants constants;
};

// sms, threads a block, smem a block (opt-in), smem an SM, threads an SM, registers, L2, cc
constexpr DeviceConstants k_a100{108, 1024, 166912, 167936, 2048, 65536, 40 * k_mib, 80};
constexpr DeviceConstants k_a10{72, 1024, 101376, 102400, 1536, 65536, 6 * k_mib, 86};
constexpr DeviceConstants k_l40s{142, 1024, 101376, 102400, 1536, 65536, 96 * k_mib, 89};
constexpr DeviceConstants k_h100{132, 1024, 232448, 233472, 2048, 65536, 50 * k_mib, 90};
constexpr DeviceConstants k_b200{148, 1024, 232448, 233472, 2048, 65536, 126 * k_mib, 100};
constexpr DeviceConstants k_b300{148, 1024, 232448, 233472, 2048, 65536, 126 * k_mib, 103};
constexpr DeviceConstants k_rtx5090{170, 1024, 101376, 102400, 1536, 65536, 96 * k_mib, 120};

constexpr std::array<ArchRow, 10> k_archs{{
    {"sm_80", k_a100},
    {"sm_86", k_a10},
    {"sm_89", k_l40s},
    {"sm_90", k_h100},
    {"sm_90a", k_h100},
    {"sm_100", k_b200},
    {"sm_100a", k_b200},
    {"sm_103a", k_b300},
    {"sm_120", k_rtx5090},
    {"sm_120a", k_rtx5090},
}};

}  // namespace

std::optional<DeviceConstants> constants_of_arch(std::string_view arch) {
    const auto* found = std::find_if(
        k_archs.begin(), k_archs.end(), [arch](const ArchRow& row) { return row.arch == arch; });
    return found == k_archs.end() ? std::nullopt : std::optional(found->constants);
}

const std::vector<std::string>& known_archs() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> list;
        for (const ArchRow& row : k_archs) {
            list.emplace_back(row.arch);
        }
        return list;
    }();
    return names;
}

DimMap constant_map(const DeviceConstants& device) {
    return {
        {"SM_COUNT", device.sm_count},
        {"WARP_SIZE", 32},
        {"MAX_THREADS", device.max_threads},
        {"MAX_SMEM", device.max_smem},
        {"SM_SMEM", device.sm_smem},
        {"SM_THREADS", device.sm_threads},
        {"SM_REGS", device.sm_regs},
        {"L2_BYTES", device.l2_bytes},
        {"CC", device.cc},
    };
}

}  // namespace kw::cuda
