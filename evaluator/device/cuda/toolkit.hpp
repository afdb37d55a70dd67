// SPDX-License-Identifier: Apache-2.0
// The CUDA toolkit of this machine: where a user would expect it, in any of the forms it is
// installed in. Nothing is loaded or run but the tools' own version questions.
#pragma once

#include "core/result.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kw::cuda {

struct Toolkit {
    std::filesystem::path root;   ///< real path; "/usr/local/cuda-13.0"
    std::string origin;           ///< how it was found: "CUDA_HOME", "PATH", "wheel", ...
    std::string version;          ///< "13.0"; of NVRTC when there is one, else of nvcc
    std::filesystem::path nvrtc;  ///< libnvrtc.so.N; empty = absent
    std::filesystem::path nvcc;   ///< empty = absent
    std::filesystem::path ptxas;  ///< empty = absent
    std::vector<std::filesystem::path> includes;  ///< cuda_fp16.h and, apart, CCCL's
    /// Folders that a sandboxed tool must see, each once; none lies inside another.
    std::vector<std::filesystem::path> folders;
    std::string hash;  ///< of versions and files: part of every cache key
};

struct ToolkitSearch {
    std::string configured;  ///< a path of the configuration; "" = none. Then nothing else is tried
    std::function<std::optional<std::string>(const std::string&)> environment;
    std::filesystem::path file_system_root = "/";  ///< /usr/local/cuda and site-packages below it
};
/// The environment of the process.
[[nodiscard]] ToolkitSearch usual_search();

/// The first place that has a compiler (NVRTC or nvcc) with its headers. Order: configured,
/// CUDA_HOME, CUDA_PATH, the nvcc of PATH, /usr/local/cuda, the newest /usr/local/cuda-*,
/// /opt/cuda, wheels (site-packages/nvidia/...) of VIRTUAL_ENV, CONDA_PREFIX and the system's
/// python3, Debian's /usr/lib/nvidia-cuda-toolkit. None: Errc::environment with what to install.
[[nodiscard]] Result<Toolkit> find_toolkit(const ToolkitSearch& search = usual_search());

}  // namespace kw::cuda
