// SPDX-License-Identifier: Apache-2.0
// Files of the driver: "Device Minor: 3" in gpus/PCI/information, "DeviceFileMinor: 30" in
// capabilities/gpu3/mig/gi1/access (NVIDIA's MIG user guide, "Device nodes and capabilities").
#include "evaluator/device/cuda/gpu_nodes.hpp"

#include <system_error>

#include <algorithm>
#include <cctype>
#include <fstream>

namespace kw::cuda {
namespace {

namespace fs = std::filesystem;

/// The number behind `key` in a file of lines "key: number".
std::optional<int> number_in(const fs::path& file, const std::string& key) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        const auto colon = line.find(':');
        if (colon == std::string::npos ||
            line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1) != key) {
            continue;
        }
        const auto digit = line.find_first_of("0123456789", colon);
        const auto end = line.find_first_not_of("0123456789", digit);
        if (digit != std::string::npos && std::min(end, line.size()) - digit <= 6) {
            return std::stoi(line.substr(digit));
        }
    }
    return std::nullopt;
}

/// "nvidia3", not "nvidiactl".
bool is_gpu(const fs::path& node) {
    const std::string name = node.filename().string();
    return name.size() > 6 && name.starts_with("nvidia") &&
           std::all_of(
               name.begin() + 6, name.end(), [](unsigned char c) { return std::isdigit(c); });
}

std::vector<fs::path> nodes_below(const fs::path& dev) {
    std::vector<fs::path> nodes;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(dev, error)) {
        if (entry.path().filename().string().starts_with("nvidia")) {
            nodes.push_back(entry.path());
        }
    }
    std::sort(nodes.begin(), nodes.end());
    return nodes;
}

std::optional<int> minor_of(std::string pci, const fs::path& proc) {
    std::transform(pci.begin(), pci.end(), pci.begin(), [](unsigned char c) {
        return static_cast<char>(std::tolower(c));
    });
    const bool plain = pci.find_first_not_of("0123456789abcdef:.") == std::string::npos;
    return plain ? number_in(proc / "gpus" / pci / "information", "Device Minor") : std::nullopt;
}

/// Both capabilities or none.
std::optional<std::vector<fs::path>> capabilities_of(
    int minor, const MigPlace& place, const NodeRoots& roots) {
    const fs::path instance = roots.proc / "capabilities" / ("gpu" + std::to_string(minor)) /
                              "mig" / ("gi" + std::to_string(place.gpu_instance));
    std::vector<fs::path> nodes;
    for (const fs::path& folder :
         {instance, instance / ("ci" + std::to_string(place.compute_instance))}) {
        const auto number = number_in(folder / "access", "DeviceFileMinor");
        if (!number) {
            return std::nullopt;
        }
        nodes.push_back(roots.dev / "nvidia-caps" / ("nvidia-cap" + std::to_string(*number)));
    }
    return nodes;
}

}  // namespace

std::vector<fs::path> gpu_device_nodes() {
    return nodes_below("/dev");
}

int gpus_here() {
    const auto nodes = gpu_device_nodes();
    return static_cast<int>(std::count_if(nodes.begin(), nodes.end(), is_gpu));
}

std::vector<fs::path> nodes_of_gpu(
    const std::string& pci, const std::optional<MigPlace>& mig, const NodeRoots& roots) {
    std::vector<fs::path> all = nodes_below(roots.dev);
    const auto minor = minor_of(pci, roots.proc);
    const auto capabilities = mig && minor ? capabilities_of(*minor, *mig, roots)
                                           : std::optional<std::vector<fs::path>>();
    const auto is_own = [&](const fs::path& node) {
        return !minor || node.filename() == "nvidia" + std::to_string(*minor);
    };
    // A number that names no node here is a container's: its files are the host's.
    const bool has_own = std::any_of(
        all.begin(), all.end(), [&](const fs::path& node) { return is_gpu(node) && is_own(node); });
    std::vector<fs::path> nodes;
    for (const fs::path& node : all) {
        const std::string name = node.filename().string();
        const bool common = name == "nvidiactl" || name == "nvidia-uvm";
        const bool all_capabilities = mig && !capabilities && name == "nvidia-caps";
        if (common || all_capabilities || (is_gpu(node) && (is_own(node) || !has_own))) {
            nodes.push_back(node);
        }
    }
    if (capabilities) {
        nodes.insert(nodes.end(), capabilities->begin(), capabilities->end());
    }
    return nodes;
}

}  // namespace kw::cuda
