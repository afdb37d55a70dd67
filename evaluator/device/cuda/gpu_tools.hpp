// SPDX-License-Identifier: Apache-2.0
// NVIDIA's tools around a candidate: compute-sanitizer, once for every accepted one, and the
// profiler ncu, whose figures are facts for the critic. Both are optional: without one a finding
// says that it was skipped and why.
#pragma once

#include "core/evaluation.hpp"
#include "evaluator/device/cuda/gpu_check.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kw::cuda {

struct GpuTools {
    std::filesystem::path sanitizer;  ///< compute-sanitizer; empty = absent
    std::filesystem::path profiler;   ///< ncu; likewise
};
/// In the toolkit's bin folder, on PATH, and where their own packages put them.
[[nodiscard]] GpuTools find_gpu_tools(const Toolkit& toolkit);

/// "memcheck" | "racecheck" | "synccheck" | "initcheck", around kw-gpu.
[[nodiscard]] GpuWrapper sanitizer_wrapper(
    const std::filesystem::path& sanitizer, const std::string& tool);
/// What its report says; nothing when it found nothing. Hostile text: only its own lines are read,
/// and they are cut.
[[nodiscard]] std::optional<cpu::Rejection> read_sanitizer(
    const std::string& tool, const std::string& report);
/// Whether the report ends as a complete run does: "========= ERROR SUMMARY: 0 errors".
[[nodiscard]] bool sanitizer_ran(const std::string& report);

/// Its warnings: hazards that do not change a result (write after write of the same value).
[[nodiscard]] std::optional<Finding> sanitizer_warnings(
    const std::string& tool, const std::string& report);

[[nodiscard]] GpuWrapper profiler_wrapper(const std::filesystem::path& profiler);
/// Facts from ncu's CSV: time bound, stalls, bank conflicts, sectors a request, tensor pipe.
[[nodiscard]] std::vector<Finding> read_profile(const std::string& report);

/// Every tool once, on the probe and one more case. A rejection: a defect that plain runs did not
/// show.
struct ToolsResult {
    std::optional<cpu::Rejection> rejection;
    std::vector<Finding> findings;
};
[[nodiscard]] Result<ToolsResult> run_gpu_tools(
    const GpuTools& tools,
    const GpuCheck& check,
    const std::vector<cpu::CheckCase>& cases,
    SecretStream& secrets,
    const StageObserver& observer);

}  // namespace kw::cuda
