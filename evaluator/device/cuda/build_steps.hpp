// SPDX-License-Identifier: Apache-2.0
// The steps of one build, shared by the files that hold them. Not for other folders.
#pragma once

#include "evaluator/device/cuda/build_job.hpp"

#include <chrono>
#include <optional>

namespace kw::cuda {

// Paths inside the sandbox, and names below them.
inline constexpr const char* k_in = "/kw/in";
inline constexpr const char* k_out = "/kw/out";
inline constexpr const char* k_ptx = "kernel.ptx";
inline constexpr const char* k_cubin = "kernel.cubin";
inline constexpr const char* k_nvrtc_shims = "kw_rtc";
inline constexpr const char* k_nvcc_shims = "kw_cc";
inline constexpr const char* k_stand_ins = "kw_stand_in";

/// A run directory that goes with the build.
struct RunDir {
    std::filesystem::path path;
    explicit RunDir(std::filesystem::path folder)
        : path(std::move(folder)) {}
    RunDir(const RunDir&) = delete;
    RunDir& operator=(const RunDir&) = delete;
    ~RunDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
};

/// Creates the folders of `relative` below `base`, readable by the sandbox's user.
[[nodiscard]] Result<void> write_below(
    const std::filesystem::path& base,
    const std::filesystem::path& relative,
    std::string_view text);

/// What a source is built with, step by step; the first verdict ends it.
class Job {
public:
    Job(const BuildJob& job, std::filesystem::path in, std::filesystem::path out);
    Result<JobResult> run();

private:
    enum class Next { stop, ptxas, nvcc, done };

    Result<void> write_inputs();
    [[nodiscard]] sandbox::Command command(std::vector<std::string> argv) const;
    [[nodiscard]] std::string path_variable() const;
    bool fail(Verdict verdict, std::string summary, std::string detail);
    static bool out_of_memory(const std::vector<CompilerMessage>& messages);
    /// Host code and files that are none of the candidate's business; false with a verdict.
    bool allowed(const std::vector<CompilerMessage>& messages);

    [[nodiscard]] bool cpu_spent(const sandbox::Outcome& outcome) const;
    bool judge_limits(const sandbox::Outcome& outcome);
    bool too_large(const std::string& what);
    void note(const char* rule, std::string evidence);
    Result<Next> take_ptx(const char* route, const std::vector<CompilerMessage>& messages);
    /// The step went well; false with the verdict set.
    bool passed(const sandbox::Outcome& outcome, const std::vector<CompilerMessage>& messages);

    [[nodiscard]] std::string shown_command(const std::string& tool) const;

    template <class Step>
    auto timed(const char* stage, Step step) {
        const auto start = std::chrono::steady_clock::now();
        auto result = step();
        result_.stages.push_back(
            {stage,
             std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
                 .count()});
        return result;
    }

    // build_nvrtc.cpp
    /// With `assemble`, ptxas takes NVRTC's place in the same process once there is PTX.
    Result<sandbox::Outcome> run_nvrtc(bool assemble);
    /// A run of NVRTC that says nothing of the source: limits, crashes, its own failure.
    Result<bool> understood(const sandbox::Outcome& outcome);
    Result<Next> nvrtc();
    static std::optional<std::string> missing_header(const std::vector<CompilerMessage>& messages);
    Next judge_errors(const std::vector<CompilerMessage>& messages, bool header_missing);

    // build_nvcc.cpp
    /// False when a verdict stands.
    Result<bool> nvcc(Next why);
    Result<void> ptxas();
    /// ptxas and its options for the PTX at `ptx` inside the sandbox.
    [[nodiscard]] std::vector<std::string> ptxas_command(const std::string& ptx) const;
    /// What ptxas left, or its verdict. Its messages are in `outcome.err`.
    void take_cubin(const sandbox::Outcome& outcome);

    const BuildJob& job_;
    RunDir in_;
    RunDir out_;
    sandbox::Limits limits_;
    LogContext context_;
    JobResult result_;
};

}  // namespace kw::cuda
