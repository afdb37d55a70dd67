// SPDX-License-Identifier: Apache-2.0
// From a CUDA candidate to PTX and cubin, in the sandbox: scan, launch plan, NVRTC (always first:
// its diagnostics decide what is host code), nvcc where NVRTC lacks a header or when asked for,
// ptxas; cached by content. docs/launch-plan.md is the candidate's side.
#pragma once

#include "core/evaluation.hpp"
#include "core/result.hpp"
#include "core/task.hpp"
#include "evaluator/device/cuda/launch_plan.hpp"
#include "evaluator/device/cuda/ptx_facts.hpp"
#include "evaluator/device/cuda/toolkit.hpp"
#include "sandbox/sandbox.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace kw::cuda {

enum class Route {
    automatic,  ///< NVRTC; nvcc when a header is missing there
    nvcc,       ///< nvcc after NVRTC has nothing against the source: promoted kernels
};

/// What one tool of a build may take: 20 s of processor time, 64 MiB a written file.
[[nodiscard]] sandbox::Limits build_limits();

struct BuildRequest {
    std::string source;
    std::string file_name = "candidate.cu";  ///< as diagnostics name it
    std::string arch = "sm_90a";             ///< when the plan names none
    Route route = Route::automatic;
    sandbox::Limits limits = build_limits();  ///< what is over them is a verdict, TO or OM
};

/// What ptxas says of one kernel.
struct KernelResources {
    std::string name;  ///< as PTX spells it
    int registers = 0;
    int barriers = 0;
    std::int64_t stack_bytes = 0;
    std::int64_t spill_store_bytes = 0;
    std::int64_t spill_load_bytes = 0;
    std::int64_t static_smem = 0;
};

struct BuildOutcome {
    Verdict verdict = Verdict::accepted;  ///< accepted = built; else FB CE TO OM XX
    std::string summary;
    std::string detail;  ///< first mistakes, with lines of the candidate's own file
    std::vector<Finding> findings;
    BuildFacts facts;  ///< instruction_classes: of all kernels that the plan launches
    std::vector<StageTime> stages;

    // Only when it is built:
    std::string arch;   ///< "sm_90a"
    std::string route;  ///< "nvrtc" | "nvcc"
    std::string ptx;
    std::string cubin;  ///< empty when the toolkit has no ptxas
    PtxFacts ptx_facts;
    std::vector<KernelResources> kernels;  ///< empty likewise
    LaunchPlan plan;
};

class Builder {
public:
    /// Errc::environment when the toolkit has no NVRTC, or the harness program is missing.
    static Result<std::unique_ptr<Builder>> open(
        sandbox::Sandbox& sandbox,
        Toolkit toolkit,
        const std::filesystem::path& harness_dir,
        std::filesystem::path cache_dir);
    ~Builder();

    /// An Error only when we could not build (sandbox, disk); a bad source is an outcome. Safe from
    /// several threads.
    Result<BuildOutcome> build(const Task& task, const BuildRequest& request);
    /// The same without task and launch plan: for a kernel that is launched by hand.
    Result<BuildOutcome> compile(const BuildRequest& request);
    [[nodiscard]] const Toolkit& toolkit() const;

private:
    Result<void> produce(const BuildRequest& request, BuildOutcome& outcome) const;

    struct Impl;
    explicit Builder(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// What needs no tool: the scan, the plan, what the task demands of the PTX. For judging PTX that
/// was built elsewhere (fixtures).
[[nodiscard]] std::optional<BuildOutcome> refuse_source(
    const Task& task, const BuildRequest& request, LaunchPlan& plan);
/// Fills ptx_facts, instruction_classes and findings from `outcome.ptx`, and refuses what the plan
/// or the task does not allow.
void judge_ptx(const Task& task, const std::string& file_name, BuildOutcome& outcome);

}  // namespace kw::cuda
