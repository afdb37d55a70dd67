// SPDX-License-Identifier: Apache-2.0
// The check stage on the emulated device: every case that is small enough, once with all checks and
// once with another order of warps, against the same reference as on the CPU.
#pragma once

#include "evaluator/device/cpu/check_stage.hpp"
#include "evaluator/device/cuda/build.hpp"
#include "evaluator/device/emulated/emu_run.hpp"

namespace kw::emulated {

struct CheckParts {
    const cpu::Stage& stage;  ///< of the reference
    const Task& task;
    const std::filesystem::path& reference;
    const cuda::BuildOutcome& built;
    const cuda::DeviceConstants& device;
    Emulator& emulator;
    double wall_s = 20;  ///< for all launches of one run
    int threads = 1;
};

/// Cases that the device takes, cheapest first, from the plan of the CPU's check.
[[nodiscard]] std::vector<cpu::CheckCase> cases_for_emulation(
    const Task& task, std::vector<cpu::CheckCase> plan);

struct CheckedCases {
    cpu::CheckResult result;
    std::vector<Finding> findings;  ///< warnings of launches that passed
};
[[nodiscard]] Result<CheckedCases> run_checks(
    const CheckParts& parts,
    const std::vector<cpu::CheckCase>& cases,
    SecretStream& secrets,
    const StageObserver& observer);

/// Why a run rejects its candidate; nothing when it does not. `where` is the shape.
[[nodiscard]] std::optional<cpu::Rejection> rejection_of(
    const RunReport& report, const std::string& where);

}  // namespace kw::emulated
