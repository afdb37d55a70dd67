// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_nodes.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

using namespace kw;
using namespace kw::cuda;
using namespace kw::test;

namespace {

/// Two GPUs, the second divided.
struct Machine {
    Folder folder;
    NodeRoots roots{folder / "dev", folder / "proc"};

    Machine() {
        for (const char* node :
             {"nvidiactl",
              "nvidia0",
              "nvidia1",
              "nvidia-uvm",
              "nvidia-uvm-tools",
              "nvidia-modeset",
              "nvidia-caps/nvidia-cap1",
              "nvidia-caps/nvidia-cap30",
              "nvidia-caps/nvidia-cap31",
              "null"}) {
            write_file(folder / "dev" / node, "");
        }
        write_file(
            folder / "proc/gpus/0000:17:00.0/information", "Model: \t A\nDevice Minor: \t 0\n");
        write_file(
            folder / "proc/gpus/0000:3b:00.0/information",
            "Model: \t B\nDevice Minor: \t 1\nGPU Excluded:\t No\n");
        const std::filesystem::path mig = folder / "proc/capabilities/gpu1/mig/gi7";
        write_file(mig / "access", "DeviceFileMinor: 30\nDeviceFileMode: 292\n");
        write_file(mig / "ci0/access", "DeviceFileMinor: 31\nDeviceFileMode: 292\n");
    }

    std::string nodes(const std::string& pci, std::optional<MigPlace> mig = {}) const {
        std::string text;
        for (const auto& node : nodes_of_gpu(pci, mig, roots)) {
            text += (text.empty() ? "" : " ") + node.lexically_relative(roots.dev).generic_string();
        }
        return text;
    }
};

}  // namespace

TEST_CASE("gpu nodes: a process gets the chosen GPU's and those all need", "[gpu]") {
    const Machine machine;
    CHECK(machine.nodes("0000:17:00.0") == "nvidia-uvm nvidia0 nvidiactl");
    CHECK(machine.nodes("0000:3B:00.0") == "nvidia-uvm nvidia1 nvidiactl");  // as CUDA writes it
}

TEST_CASE("gpu nodes: a MIG instance gets its two capabilities alone", "[gpu]") {
    const Machine machine;
    CHECK(
        machine.nodes("0000:3b:00.0", MigPlace{7, 0}) ==
        "nvidia-uvm nvidia1 nvidiactl nvidia-caps/nvidia-cap30 nvidia-caps/nvidia-cap31");
    // Where the driver does not tell which: all capabilities, still one GPU.
    CHECK(
        machine.nodes("0000:3b:00.0", MigPlace{-1, -1}) ==
        "nvidia-caps nvidia-uvm nvidia1 nvidiactl");
}

TEST_CASE("gpu nodes: what the driver's files do not tell leaves all GPUs", "[gpu]") {
    const Machine machine;
    const std::string all = "nvidia-uvm nvidia0 nvidia1 nvidiactl";
    CHECK(machine.nodes("0000:99:00.0") == all);
    CHECK(machine.nodes("../../etc/passwd") == all);
    CHECK(machine.nodes("") == all);
    // A container that was given one GPU, beside files of the host.
    std::filesystem::remove(machine.roots.dev / "nvidia0");
    CHECK(machine.nodes("0000:17:00.0") == "nvidia-uvm nvidia1 nvidiactl");
    write_file(machine.folder / "proc/gpus/0000:17:00.0/information", "Device Minor: many\n");
    CHECK(machine.nodes("0000:17:00.0") == "nvidia-uvm nvidia1 nvidiactl");
}
