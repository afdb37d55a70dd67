// SPDX-License-Identifier: Apache-2.0
// Device nodes of NVIDIA's driver: what there is, and what a context on one GPU needs of them. Each
// is a way around the sandbox as wide as the driver, so a process gets no neighbour's.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kw::cuda {

/// Nodes that exist here: /dev/nvidiactl, /dev/nvidia0, -uvm, the folder of MIG capabilities.
[[nodiscard]] std::vector<std::filesystem::path> gpu_device_nodes();
/// GPUs that have a node here: "nvidia0", "nvidia1", ...; the driver may show fewer.
[[nodiscard]] int gpus_here();

/// Where a MIG instance stands within its GPU, by the numbers of nvidia-smi.
struct MigPlace {
    int gpu_instance = 0;
    int compute_instance = 0;
};

struct NodeRoots {
    std::filesystem::path dev = "/dev";
    std::filesystem::path proc = "/proc/driver/nvidia";
};

/// Of the GPU at `pci` ("0000:17:00.0"): control, unified memory, its own node, and of MIG the two
/// capabilities of the instance. Where the driver's files do not tell (some containers hide them),
/// the one GPU node that there is, or all of them.
[[nodiscard]] std::vector<std::filesystem::path> nodes_of_gpu(
    const std::string& pci, const std::optional<MigPlace>& mig, const NodeRoots& roots = {});

}  // namespace kw::cuda
