// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/task_build.hpp"

#include "core/hash.hpp"
#include "core/text_file.hpp"

namespace kw::cuda {

Result<void> need_cuda_side(const Task& task) {
    if (has_target(task, "cuda") && !task.cuda.baselines.empty()) {
        return {};
    }
    return Error{
        Errc::usage,
        "task " + task.name + " has no CUDA side",
        "see `kwright task list` for targets"};
}

Result<std::filesystem::path> build_reference(cpu::Builder& builder, const Task& task) {
    cpu::BuildRequest request;
    request.kind = cpu::SourceKind::reference;
    KW_TRY_ASSIGN(request.source, read_text_file(task.reference));
    request.file_name = task.reference.filename().string();
    KW_TRY_ASSIGN(const cpu::BuildOutcome built, builder.build(task, request));
    if (built.verdict != Verdict::accepted) {
        return Error{
            Errc::config,
            "building " + task.reference.string() + ": " + built.summary,
            "a task's reference must compile"};
    }
    return built.artifact.shared_object;
}

Result<std::vector<BuiltBaseline>> build_baselines(
    Builder& builder, const Task& task, const std::string& arch, bool libraries) {
    std::vector<BuiltBaseline> all;
    for (const Baseline& baseline : task.cuda.baselines) {
        const bool uses_library = !baseline.link.empty();
        if (uses_library && !libraries) {
            continue;
        }
        BuildRequest request;
        KW_TRY_ASSIGN(request.source, read_text_file(baseline.file));
        request.file_name = baseline.file.filename().string();
        request.arch = arch;
        KW_TRY_ASSIGN(BuildOutcome built, builder.build(task, request));
        if (built.verdict != Verdict::accepted) {
            return Error{
                Errc::config,
                "building " + baseline.file.string() + ": " + built.summary + "\n" + built.detail,
                "a task's baselines must compile"};
        }
        all.push_back({baseline.name, std::move(built), uses_library});
    }
    return all;
}

Result<BuiltBaseline> build_rival(
    Builder& builder, const Task& task, const Candidate& rival, const std::string& arch) {
    BuildRequest request;
    request.source = rival.source;
    request.arch = arch;
    KW_TRY_ASSIGN(BuildOutcome built, builder.build(task, request));
    const std::string name = short_id('k', rival.hash);
    if (built.verdict != Verdict::accepted || built.arch != arch) {
        return Error{
            Errc::usage,
            "building " + name + " to compare with: " +
                (built.verdict == Verdict::accepted ? "it is for " + built.arch : built.summary),
            "both kernels must be accepted by themselves: see kwright verify"};
    }
    return BuiltBaseline{name, std::move(built), false};
}

Result<std::optional<cpu::Rejection>> build_candidate(
    Builder& builder,
    const Task& task,
    const Candidate& candidate,
    const std::string& arch,
    const std::string& device_id,
    bool independent,
    BuildOutcome& built,
    Evaluation& result) {
    using Refusal = std::optional<cpu::Rejection>;
    BuildRequest request;
    request.source = candidate.source;
    request.arch = arch;
    const bool has_nvcc = !builder.toolkit().nvcc.empty();
    if (independent && has_nvcc) {
        request.route = Route::nvcc;
    }
    KW_TRY_ASSIGN(built, builder.build(task, request));
    if (independent && !has_nvcc) {
        built.findings.push_back(
            {"no-nvcc", "info", "build", "built by NVRTC alone: the toolkit has no nvcc"});
    }
    result.stages = built.stages;
    result.findings = built.findings;
    result.build = built.facts;
    if (built.verdict != Verdict::accepted) {
        return Refusal(cpu::Rejection{built.verdict, built.summary, built.detail});
    }
    if (built.arch != arch) {
        return Refusal(cpu::Rejection{
            Verdict::compiled_only,
            "compiled only: the candidate is for " + built.arch + ", the device is " + device_id,
            ""});
    }
    for (const KernelResources& kernel : built.kernels) {
        std::map<std::string, int>& resources = result.build.resources;
        resources[kernel.name + ".registers"] = kernel.registers;
        resources[kernel.name + ".smem_bytes"] = static_cast<int>(kernel.static_smem);
        resources[kernel.name + ".stack_bytes"] = static_cast<int>(kernel.stack_bytes);
        resources[kernel.name + ".spill_bytes"] =
            static_cast<int>(kernel.spill_store_bytes + kernel.spill_load_bytes);
    }
    return Refusal();
}

}  // namespace kw::cuda
