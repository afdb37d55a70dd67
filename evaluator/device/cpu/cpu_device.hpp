// SPDX-License-Identifier: Apache-2.0
// The CPU device: keeps the toolchain, the calibration and, between judgements of one task, the
// timing benches.
#pragma once

#include "evaluator/device/cpu/build.hpp"
#include "evaluator/device/cpu/check_stage.hpp"
#include "evaluator/device/cpu/time_stage.hpp"
#include "evaluator/evaluator.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kw::cpu {

class CpuDevice final : public Device {
public:
    static Result<std::unique_ptr<CpuDevice>> open(const EvaluatorConfig& config);

    [[nodiscard]] std::string id() const override { return "cpu"; }
    [[nodiscard]] std::string description() const override;
    Result<Evaluation> judge(
        const Task& task,
        const Candidate& candidate,
        const JudgeOptions& options,
        const StageObserver& observer) override;

    [[nodiscard]] const Calibration& calibration() const { return calibration_; }

    /// The task's baselines that link a library are no candidates; this checks them on the same
    /// cases. By name, what is wrong; those whose library is not here are left out.
    Result<std::map<std::string, std::optional<Rejection>>> check_peers(
        const Task& task, const StageObserver& observer);

private:
    CpuDevice() = default;
    struct TaskBench;
    class Judgement;
    Result<TaskBench*> bench_of(const Task& task);
    [[nodiscard]] static std::unique_ptr<TaskBench> empty_bench(const Task& task);
    Result<std::filesystem::path> build_trusted(
        const Task& task,
        SourceKind kind,
        const std::filesystem::path& file,
        const std::vector<std::string>& link);
    Result<void> seat_reference(TaskBench& bench);
    Result<void> seat_baselines(TaskBench& bench);
    Result<void> seat_rival(TaskBench& bench, const Candidate& rival);
    Result<TimingBench*> timing_bench(TaskBench& bench, const Case& shape, Layers layers);
    /// Whether the machine's limits were measured once more: not where that was a moment ago.
    Result<bool> measure_limits_again();

    EvaluatorConfig config_;
    std::unique_ptr<sandbox::Sandbox> sandbox_;
    std::unique_ptr<Builder> builder_;
    Calibration calibration_;
    std::optional<std::chrono::steady_clock::time_point> measured_again_;
    std::filesystem::path runner_program_;
    Cores cores_;
    std::unique_ptr<TaskBench>
        bench_;  ///< of the task judged last: pools take hundreds of megabytes
};

}  // namespace kw::cpu
