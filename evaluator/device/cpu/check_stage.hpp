// SPDX-License-Identifier: Apache-2.0
// The check stage: every public case and some hidden ones, cheapest first, each called twice.
#pragma once

#include "core/evaluation.hpp"
#include "evaluator/device/cpu/oracle.hpp"
#include "evaluator/evaluator.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kw::cpu {

/// Why a candidate is rejected, in words for people and models.
struct Rejection {
    Verdict verdict = Verdict::internal;
    std::string summary;
    std::string detail;
};

struct CheckCase {
    std::string name;
    DimMap dims;
    std::string distribution;
    bool hidden = false;
};

/// The probe, the other public cases (timed ones only when nothing will be timed: each timed call
/// is verified anyway), then hidden ones drawn from `secrets`, twice as many for an independent
/// measurement.
[[nodiscard]] std::vector<CheckCase> plan_checks(
    const Task& task, const JudgeOptions& options, SecretStream& secrets);

struct CheckResult {
    std::vector<CaseOutcome> cases;
    std::optional<Rejection> rejection;
};

/// `mode`: what the candidate's process is let do; a library's baseline is checked as mode_peer.
[[nodiscard]] Result<CheckResult> run_checks(
    const Stage& stage,
    const Task& task,
    const std::filesystem::path& candidate,
    harness::Mode mode,
    const std::filesystem::path& reference,
    const std::vector<CheckCase>& cases,
    SecretStream& secrets,
    const StageObserver& observer);

/// A disagreement as a case outcome and as a rejection; hidden cases give no values away.
[[nodiscard]] CaseOutcome describe(
    const Task& task, const CheckCase& at, const Disagreement& disagreement);
[[nodiscard]] Rejection reject(const Task& task, const CaseOutcome& outcome);
[[nodiscard]] Rejection reject(const Task& task, const CheckCase& at, const RunnerFailure& failure);

}  // namespace kw::cpu
