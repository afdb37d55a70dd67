// SPDX-License-Identifier: Apache-2.0
// Builds CUDA sources of a task folder as candidates are built and runs them on the emulated device
// on the task's own small cases, with every check, compared with the reference.
#pragma once

#include "evaluator/device/emulated/emu_run.hpp"
#include "tests/unit/benchmarks/task_bench.hpp"
#include "tests/unit/evaluator/cuda/workshop.hpp"

namespace kw::test {

class CudaBench {
public:
    /// Fails the running test when it cannot. `shop` outlives it.
    CudaBench(CudaWorkshop& shop, const std::string& task);

    [[nodiscard]] const TaskBench& tasks() const { return tasks_; }
    /// Fails the running test, with the diagnostics, unless it builds. What the source says of its
    /// architecture comes before `arch`.
    [[nodiscard]] cuda::BuildOutcome build(
        const std::string& source, const std::string& arch, cuda::Route route);
    /// Runs every case that the emulated device takes and the small ones of four hidden shapes; the
    /// first complaint, a finding or a wrong output, "" when there is none.
    [[nodiscard]] std::string first_complaint(const cuda::BuildOutcome& built);
    /// Runs one case.
    [[nodiscard]] std::string complaint(const cuda::BuildOutcome& built, const Drawn& drawn);

private:
    CudaWorkshop& shop_;
    TaskBench tasks_;
    std::unique_ptr<sandbox::Sandbox> sandbox_;
    std::unique_ptr<emulated::Emulator> emulator_;
};

/// naive.cu for both architectures that are modelled most, by both compilers.
void require_naive_right(CudaBench& bench);
/// seed.cu at its defaults and at points that together use every value of every parameter.
void require_cuda_seed_right(CudaBench& bench);
/// Every fault, planted alone into `file`, must be rejected by some case.
void require_cuda_rejected(
    CudaBench& bench, const std::string& file, const std::vector<Fault>& faults);
/// The same for naive.cu, with all faults in one build: a fault costs what its cases cost.
void require_naive_faults_rejected(CudaBench& bench, const std::vector<Fault>& faults);

}  // namespace kw::test
