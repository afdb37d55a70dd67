// SPDX-License-Identifier: Apache-2.0
// The time stage: protocol kw-time/1 on one shape. Paired and interleaved with the fastest
// baseline, both on the same fresh inputs, each on its own cold weights, every output verified.
// docs/measurement.md tells it in prose.
#pragma once

#include "evaluator/device/cpu/calibration.hpp"
#include "evaluator/device/cpu/check_stage.hpp"
#include "evaluator/device/cpu/input_source.hpp"
#include "evaluator/device/cpu/rotation.hpp"
#include "evaluator/paired_test.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kw::cpu {

struct BuiltBaseline {
    std::string name;
    std::filesystem::path shared_object;
    harness::Mode mode = harness::mode_trusted;
};

/// One timed shape of one task: pools, the reference, the chosen baseline (or rival); kept between
/// judgements.
class TimingBench {
public:
    static Result<std::unique_ptr<TimingBench>> create(
        const Stage& stage,
        const Task& task,
        const Case& shape,
        const std::vector<BuiltBaseline>& baselines,
        const std::filesystem::path& reference,
        const Calibration& calibration,
        const Seed& pool_seed);

    /// As if it had just been made: new weights and processes, the baseline chosen anew. The memory
    /// stays; touching gigabytes for the first time costs as much as filling them.
    Result<void> renew(
        const std::vector<BuiltBaseline>& baselines,
        const std::filesystem::path& reference,
        const Seed& pool_seed);

    struct Timed {
        ShapeTiming timing;
        std::optional<Rejection> rejection;
        double waited = 0;  ///< share of the time in which other programs had the judge's core
        int disturbed = 0;  ///< pairs set aside because other programs were in the way

        [[nodiscard]] bool below_floor() const {
            return rejection && timing.candidate_ns > 0 && timing.candidate_ns < timing.floor_ns;
        }
    };
    [[nodiscard]] const Rotation& rotation() const { return rotation_; }
    /// Times the candidate until the paired test is decided or `cap_s` is spent. The floor is what
    /// `calibration` says now: measuring the machine again may have lowered it.
    Result<Timed> time(
        const std::filesystem::path& candidate,
        const Calibration& calibration,
        const JudgeOptions& options,
        double cap_s,
        SecretStream& secrets,
        const StageObserver& observer);

private:
    explicit TimingBench(const Stage& stage)
        : stage_(stage) {}
    Result<void> fill_set(std::int64_t set);
    Result<void> ask_reference(
        const Question& question, const Inputs& inputs, SecretStream& secrets);
    Result<void> measure_null();
    Result<double> try_baseline(
        Contestant& contestant, const std::string& name, const Inputs& inputs, bool verify);
    Result<void> choose_baseline(const std::vector<BuiltBaseline>& baselines);
    struct Pair;
    Result<Pair> run_pair(
        Contestant& candidate, std::int64_t set, int placement, SecretStream& secrets);
    Result<void> run_pairs(
        Contestant& candidate,
        double cap_s,
        SecretStream& secrets,
        const StageObserver& observer,
        stats::PairedTest& test,
        Timed& timed);
    Result<std::optional<Rejection>> renew_set(Contestant& candidate, std::int64_t set);
    Result<void> measure_hot(Contestant& candidate, SecretStream& secrets, Timed& timed);
    void summarise(const stats::PairedTest& test, Timed& timed) const;
    [[nodiscard]] CheckCase as_case() const {
        return {case_.name, case_.dims, case_.distribution, false};
    }
    [[nodiscard]] std::chrono::nanoseconds call_limit() const;

    Stage stage_;
    const Task* task_ = nullptr;
    Case case_;
    Floor floor_;
    Rotation rotation_;
    std::int64_t bytes_ = 0;
    std::optional<SecretStream> pool_stream_;
    // The reference has memory of its own: whoever shared with it found more of its weights still
    // in the cache, and read as 0.3 % faster.
    Seat baseline_seat_, candidate_seat_, reference_seat_;
    std::unique_ptr<Oracle> oracle_;
    std::unique_ptr<Contestant> baseline_;
    std::optional<InputSource> inputs_;
    std::string baseline_name_;
    double baseline_ns_ = 0;
    double naive_ns_ = 0;
    double null_ns_ = 0;
    std::int64_t next_set_ = 0;
};

}  // namespace kw::cpu
