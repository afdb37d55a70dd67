// SPDX-License-Identifier: Apache-2.0
// The tools of one build, in the sandbox: NVRTC, nvcc, ptxas. Knows nothing of tasks and plans.
#pragma once

#include "evaluator/device/cuda/build.hpp"
#include "evaluator/device/cuda/build_log.hpp"

#include <string>
#include <vector>

namespace kw::cuda {

struct BuildJob {
    sandbox::Sandbox& sandbox;
    const Toolkit& toolkit;
    const std::filesystem::path& harness;  ///< kw-nvrtc in a run directory
    const std::string& source;
    std::string file_name;  ///< plain, ends in .cu
    std::string arch;       ///< known
    Route route = Route::automatic;
    sandbox::Limits limits;
};

/// What the tools made, and what the cache keeps.
struct Product {
    std::string route;  ///< "nvrtc" | "nvcc"
    std::string ptx;
    std::string cubin;
    std::vector<KernelResources> kernels;
};

struct JobResult {
    Verdict verdict = Verdict::accepted;
    std::string summary;
    std::string detail;
    std::vector<Finding> findings;
    std::vector<StageTime> stages;
    std::string compiler;     ///< "NVRTC 13.0"
    std::string command;      ///< as run, without paths of the machine
    std::string diagnostics;  ///< warnings
    Product product;          ///< when accepted
};
[[nodiscard]] Result<JobResult> run_build_job(const BuildJob& job);

/// Options of either compiler that decide what is built: part of the cache key.
[[nodiscard]] std::vector<std::string> compile_options(const std::string& arch);

// --- the cache's bytes --------------------------------------------------------------------------

[[nodiscard]] std::string to_bundle(const Product& product);
[[nodiscard]] std::optional<Product> from_bundle(std::string_view bytes);

}  // namespace kw::cuda
