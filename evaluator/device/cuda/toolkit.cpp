// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/toolkit.hpp"

#include "core/hash.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace kw::cuda {
namespace {

namespace fs = std::filesystem;

/// A place that may hold a toolkit, in one folder or spread over several (wheels).
struct Place {
    std::string origin;
    std::vector<fs::path> roots;
};

bool is_file(const fs::path& path) {
    std::error_code error;
    return fs::is_regular_file(path, error);
}
bool is_folder(const fs::path& path) {
    std::error_code error;
    return fs::is_directory(path, error);
}
bool is_program(const fs::path& path) {
    return is_file(path) && access(path.c_str(), X_OK) == 0;
}
fs::path real(const fs::path& path) {
    std::error_code error;
    const fs::path result = fs::canonical(path, error);
    return error ? path : result;
}

std::vector<fs::path> sorted_entries(const fs::path& folder) {
    constexpr std::size_t k_most = 4096;
    std::vector<fs::path> entries;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end;
         !error && at != end && entries.size() < k_most;
         at.increment(error)) {
        entries.push_back(at->path());
    }
    std::sort(entries.begin(), entries.end());
    return entries;
}

/// Numbers of a name like "cuda-12.10" or "libnvrtc.so.13", to compare versions by.
std::vector<int> numbers_in(const std::string& name) {
    std::vector<int> numbers;
    int value = -1;
    for (const char c : name + " ") {
        if (c >= '0' && c <= '9') {
            value = std::min(std::max(value, 0) * 10 + (c - '0'), 1'000'000);
        } else if (value >= 0) {
            numbers.push_back(value);
            value = -1;
        }
    }
    return numbers;
}

/// libnvrtc.so.13, or libnvrtc.so where there is no other; never the `.alt` variant.
fs::path find_nvrtc(const std::vector<fs::path>& roots) {
    for (const fs::path& root : roots) {
        for (const char* folder :
             {"lib64", "lib", "lib/x86_64-linux-gnu", "targets/x86_64-linux/lib"}) {
            fs::path best;
            for (const fs::path& entry : sorted_entries(root / folder)) {
                const std::string name = entry.filename().string();
                const bool ours = name.rfind("libnvrtc.so", 0) == 0 && is_file(entry);
                if (ours &&
                    (best.empty() || numbers_in(name) > numbers_in(best.filename().string()))) {
                    best = entry;
                }
            }
            if (!best.empty()) {
                return real(best);
            }
        }
    }
    return {};
}

fs::path find_program(const std::vector<fs::path>& roots, const char* name) {
    for (const fs::path& root : roots) {
        const fs::path path = root / "bin" / name;
        if (is_program(path)) {
            return real(path);
        }
    }
    return {};
}

std::vector<fs::path> find_includes(const std::vector<fs::path>& roots) {
    std::vector<fs::path> includes;
    const auto add = [&includes](const fs::path& folder) {
        if (std::find(includes.begin(), includes.end(), folder) == includes.end()) {
            includes.push_back(folder);
        }
    };
    for (const char* probe :
         {"cuda_fp16.h", "cccl/cub/cub.cuh", "cub/cub.cuh", "cuda/std/cstdint"}) {
        for (const fs::path& root : roots) {
            for (const char* folder : {"include", "targets/x86_64-linux/include"}) {
                const fs::path base = real(root / folder);
                if (is_file(base / probe)) {
                    add(std::string(probe).rfind("cccl/", 0) == 0 ? base / "cccl" : base);
                    break;
                }
            }
        }
    }
    return includes;
}

/// "13.0" out of a header; the run-time compiler's own answer would mean loading 100 MB.
std::string header_version(const std::vector<fs::path>& includes) {
    for (const fs::path& folder : includes) {
        for (const char* name : {"cuda.h", "cuda_runtime_api.h"}) {
            std::ifstream in(folder / name);
            for (std::string line; std::getline(in, line);) {
                const bool wanted = line.rfind("#define CUDA_VERSION ", 0) == 0 ||
                                    line.rfind("#define CUDART_VERSION ", 0) == 0;
                const std::vector<int> numbers = wanted ? numbers_in(line) : std::vector<int>{};
                if (!numbers.empty() && numbers.back() >= 1000) {
                    return std::to_string(numbers.back() / 1000) + "." +
                           std::to_string(numbers.back() % 1000 / 10);
                }
            }
        }
    }
    return {};
}

std::string stamp(const fs::path& path) {
    std::error_code error;
    const auto size = path.empty() ? 0 : fs::file_size(path, error);
    const auto time =
        path.empty() ? 0 : fs::last_write_time(path, error).time_since_epoch().count();
    return path.string() + " " + std::to_string(size) + " " + std::to_string(time);
}

std::string hash_of(const Toolkit& toolkit) {
    Hasher hasher;
    hasher.add("kw-cuda-toolkit/1").add(toolkit.version);
    for (const fs::path& path : {toolkit.nvrtc, toolkit.nvcc, toolkit.ptxas}) {
        hasher.add(stamp(path));
    }
    for (const fs::path& path : toolkit.includes) {
        hasher.add(path.string());
    }
    return hasher.hex();
}

/// Real paths, without those that lie inside another.
std::vector<fs::path> outermost(std::vector<fs::path> folders) {
    for (fs::path& folder : folders) {
        folder = real(folder);
    }
    std::sort(folders.begin(), folders.end());
    folders.erase(std::unique(folders.begin(), folders.end()), folders.end());
    std::vector<fs::path> result;
    for (const fs::path& folder : folders) {
        const bool inside = std::any_of(result.begin(), result.end(), [&](const fs::path& outer) {
            return folder.string().rfind(outer.string() + "/", 0) == 0;
        });
        if (!inside && is_folder(folder)) {
            result.push_back(folder);
        }
    }
    return result;
}

std::optional<Toolkit> look_at(const Place& place) {
    Toolkit toolkit;
    toolkit.origin = place.origin;
    toolkit.nvrtc = find_nvrtc(place.roots);
    toolkit.nvcc = find_program(place.roots, "nvcc");
    toolkit.ptxas = find_program(place.roots, "ptxas");
    toolkit.includes = find_includes(place.roots);
    const bool headers = !toolkit.includes.empty() && is_file(toolkit.includes[0] / "cuda_fp16.h");
    if ((toolkit.nvrtc.empty() && toolkit.nvcc.empty()) || !headers) {
        return std::nullopt;
    }
    toolkit.root = real(place.roots.front());
    toolkit.version = header_version(toolkit.includes);
    std::vector<fs::path> folders = place.roots;
    folders.insert(folders.end(), toolkit.includes.begin(), toolkit.includes.end());
    for (const fs::path& file : {toolkit.nvrtc, toolkit.nvcc, toolkit.ptxas}) {
        if (!file.empty()) {
            folders.push_back(file.parent_path());
        }
    }
    toolkit.folders = outermost(std::move(folders));
    toolkit.hash = hash_of(toolkit);
    return toolkit;
}

class Places {
public:
    explicit Places(const ToolkitSearch& search)
        : search_(search) {}

    std::vector<Place> run() {
        if (!search_.configured.empty()) {
            one("configuration", search_.configured);
            return std::move(places_);
        }
        variable("CUDA_HOME");
        variable("CUDA_PATH");
        nvcc_of_path();
        one("/usr/local/cuda", under("usr/local/cuda"));
        versioned();
        one("/opt/cuda", under("opt/cuda"));
        for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
            if (const auto value = get(name)) {
                one(name, *value);
                wheels(*value);
            }
        }
        for (const char* folder : {"usr/local", "usr"}) {
            wheels(under(folder));
        }
        one("Debian", under("usr/lib/nvidia-cuda-toolkit"));
        return std::move(places_);
    }

private:
    [[nodiscard]] fs::path under(const char* folder) const {
        return search_.file_system_root / folder;
    }

    [[nodiscard]] std::optional<std::string> get(const std::string& name) const {
        const auto value = search_.environment ? search_.environment(name) : std::nullopt;
        return value && !value->empty() && value->front() == '/' ? value : std::nullopt;
    }

    void one(const std::string& origin, const fs::path& root) {
        if (is_folder(root)) {
            places_.push_back({origin, {root}});
            wheel_folder(origin, root);
        }
    }

    void variable(const char* name) {
        if (const auto value = get(name)) {
            one(name, *value);
        }
    }

    void nvcc_of_path() {
        std::istringstream folders(
            search_.environment ? search_.environment("PATH").value_or("") : "");
        for (std::string folder; std::getline(folders, folder, ':');) {
            const fs::path nvcc = fs::path(folder) / "nvcc";
            if (!folder.empty() && folder.front() == '/' && is_program(nvcc)) {
                one("PATH", real(nvcc).parent_path().parent_path());
                return;
            }
        }
    }

    void versioned() {
        std::vector<fs::path> found;
        for (const fs::path& entry : sorted_entries(under("usr/local"))) {
            if (entry.filename().string().rfind("cuda-", 0) == 0) {
                found.push_back(entry);
            }
        }
        std::stable_sort(found.begin(), found.end(), [](const fs::path& a, const fs::path& b) {
            return numbers_in(a.filename().string()) > numbers_in(b.filename().string());
        });
        for (const fs::path& entry : found) {
            one("/usr/local/cuda-*", entry);
        }
    }

    /// site-packages and dist-packages below an installation prefix.
    void wheels(const fs::path& prefix) {
        for (const fs::path& python : sorted_entries(prefix / "lib")) {
            if (python.filename().string().rfind("python3", 0) == 0) {
                for (const char* packages : {"site-packages", "dist-packages"}) {
                    wheel_folder("wheel", python / packages);
                }
            }
        }
    }

    /// nvidia/cu13 (one folder), or nvidia/cuda_nvrtc, cuda_nvcc, ... (one a package).
    void wheel_folder(const std::string& origin, const fs::path& packages) {
        const fs::path nvidia = packages / "nvidia";
        if (!is_folder(nvidia)) {
            return;
        }
        std::vector<fs::path> whole;
        Place parts{origin, {}};
        for (const fs::path& entry : sorted_entries(nvidia)) {
            const std::string name = entry.filename().string();
            if (name.size() == 4 && name.rfind("cu", 0) == 0) {
                whole.insert(whole.begin(), entry);
            }
        }
        for (const char* name :
             {"cuda_nvrtc", "cuda_nvcc", "cuda_runtime", "cuda_cccl", "cuda_crt", "cccl"}) {
            if (is_folder(nvidia / name)) {
                parts.roots.push_back(nvidia / name);
            }
        }
        for (const fs::path& entry : whole) {
            places_.push_back({origin, {entry}});
        }
        if (!parts.roots.empty()) {
            places_.push_back(std::move(parts));
        }
    }

    const ToolkitSearch& search_;
    std::vector<Place> places_;
};

}  // namespace

ToolkitSearch usual_search() {
    ToolkitSearch search;
    search.environment = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
    return search;
}

Result<Toolkit> find_toolkit(const ToolkitSearch& search) {
    Places places(search);
    for (const Place& place : places.run()) {
        if (auto toolkit = look_at(place)) {
            return std::move(*toolkit);
        }
    }
    const bool configured = !search.configured.empty();
    return Error{
        Errc::environment,
        configured ? "looking for a CUDA toolkit in '" + search.configured +
                         "': no libnvrtc or nvcc with its headers is there"
                   : "looking for a CUDA toolkit: none is installed",
        "install CUDA 12 or later and set CUDA_HOME, or: pip install nvidia-cuda-nvrtc "
        "nvidia-cuda-nvcc nvidia-cuda-runtime nvidia-cuda-cccl; CPU tasks need none"};
}

}  // namespace kw::cuda
