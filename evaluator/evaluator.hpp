// SPDX-License-Identifier: Apache-2.0
// The judge, stage by stage: scan, build, check, time. Knows nothing of the database or of models.
#pragma once

#include "core/candidate.hpp"
#include "core/csprng.hpp"
#include "core/evaluation.hpp"
#include "core/result.hpp"
#include "core/task.hpp"
#include "evaluator/layers.hpp"
#include "sandbox/sandbox.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace kw {

struct JudgeOptions {
    double cap_s = 0;          ///< wall seconds for this judgement; 0 = the task's own cap
    int max_pairs = 300;       ///< per shape
    double dead_band = 0.005;  ///< ratios within 1 +- this are "same"
    bool timed = true;         ///< false: stop after the check
    bool built_only = false;   ///< stop after the build: CO when it can be built
    bool hidden_cases = true;
    bool hot = true;                  ///< also measure hot
    std::optional<Seed> seed;         ///< fixed seed, for replays and tests; default: fresh
    bool keep_baselines_warm = true;  ///< reuse baseline processes and pools between judgements
    /// A measurement that must stand by itself: nothing of earlier judgements is used again (pools,
    /// processes, the choice of the baseline), twice as many hidden cases are drawn, CUDA is built
    /// by nvcc where the toolkit has it.
    bool independent = false;
    /// The time to beat is this candidate's, not a baseline's. It is as hostile as the other one;
    /// that it is correct must have been judged before: an Error when it fails here.
    const Candidate* rival = nullptr;
    /// Names this judgement among all that its asker ever wants, so that a device elsewhere judges
    /// once what it is asked twice: after a broken connection, or a crash of the asker. "" = like
    /// no other. Devices of this machine do not look at it.
    std::string request;
    Layers layers;  ///< all on; tests alone turn one off (layers.hpp)
};

/// Stage reports while a judgement runs: "building", "checking case 3/12", "timing 4096x4096 pair
/// 60".
using StageObserver = std::function<void(const std::string& stage, const std::string& text)>;

/// A device that candidates run on. One path, many devices: judge() is the same for all of them.
struct Device {
    virtual ~Device() = default;
    [[nodiscard]] virtual std::string id() const = 0;  ///< "cpu", "emulated:sm_90a"
    [[nodiscard]] virtual std::string description()
        const = 0;  ///< "cpu: AMD EPYC 9R14, 2 cores, x86-64-v4"
    /// What CUDA candidates are built for: "sm_90a"; "" for the CPU.
    [[nodiscard]] virtual std::string arch() const { return arch_of_device(id()); }
    /// It is not here: another device checks its candidates, and times are still to come.
    [[nodiscard]] virtual bool waits() const { return false; }
    /// Judges one candidate. An Error means that *we* could not judge: the candidate must not be
    /// scored.
    virtual Result<Evaluation> judge(
        const Task& task,
        const Candidate& candidate,
        const JudgeOptions& options,
        const StageObserver& observer) = 0;
};

struct EvaluatorConfig {
    std::filesystem::path cache_dir;    ///< content-addressed build cache and calibration
    std::filesystem::path harness_dir;  ///< folder of the harness programs (kw-runner)
    std::string sandbox_mode = "auto";
    std::string compiler = "g++";  ///< name or path
    std::string cuda_home;         ///< CUDA toolkit; "" = searched
    std::string cuda_driver;       ///< libcuda; "" = the loader's libcuda.so.1
};

/// The CPU device. Errors: no compiler, no sandbox, no AVX2, not x86-64; each with a hint.
[[nodiscard]] Result<std::unique_ptr<Device>> open_cpu_device(const EvaluatorConfig& config);

/// The emulated CUDA device of an architecture ("sm_80", "sm_89", "sm_90a"): correctness by
/// interpreting the compiler's PTX, times modelled and never measured. Errors: unknown
/// architecture, no CUDA toolkit, no compiler or sandbox for the reference.
[[nodiscard]] Result<std::unique_ptr<Device>> open_emulated_device(
    const std::string& arch, const EvaluatorConfig& config);

/// A GPU: "0", "GPU-3f2a...", "MIG-8c1d...". Errors: no driver, one that is older than the toolkit,
/// no such device, no toolkit, no compiler or sandbox for the reference.
[[nodiscard]] Result<std::unique_ptr<Device>> open_cuda_device(
    const std::string& which, const EvaluatorConfig& config);

/// In the place of a GPU that is absent: candidates are built and checked on the emulated device of
/// `arch`, whose modelled times steer the search; `kwright campaign drain` measures them later.
/// `why`: what open_device() said.
[[nodiscard]] Result<std::unique_ptr<Device>> open_waiting_device(
    const std::string& id,
    const std::string& arch,
    const std::string& why,
    const EvaluatorConfig& config);

/// By id: "cpu", "emulated:sm_90a", "cuda:0". Unknown: Errc::usage with what there is.
[[nodiscard]] Result<std::unique_ptr<Device>> open_device(
    const std::string& id, const EvaluatorConfig& config);
/// The target that the device judges: "cpu" or "cuda".
[[nodiscard]] std::string target_of_device(const std::string& id);

/// judge() with the rule for our own failures: an XX is retried once and never scored.
[[nodiscard]] Result<Evaluation> judge(
    Device& device,
    const Task& task,
    const Candidate& candidate,
    const JudgeOptions& options,
    const StageObserver& observer = {});

}  // namespace kw
