// SPDX-License-Identifier: Apache-2.0
// The time stage on a GPU: protocol kw-time/1 on one shape (docs/gpu.md). Paired and interleaved
// with the fastest baseline, each in a process and context of its own, on the same fresh inputs;
// every timed output is compared outside both. The clock is the device's, set and read by our own
// process; the host's clock checks it.
#pragma once

#include "evaluator/device/cpu/input_source.hpp"
#include "evaluator/device/cpu/set_aside.hpp"
#include "evaluator/device/cuda/gpu_clocks.hpp"
#include "evaluator/device/cuda/gpu_contestant.hpp"
#include "evaluator/device/cuda/gpu_floor.hpp"
#include "evaluator/device/cuda/nvml.hpp"
#include "evaluator/device/cuda/task_build.hpp"
#include "evaluator/paired_test.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kw::cuda {

/// What all shapes of a judgement share.
struct GpuTiming {
    const GpuStage& gpu;
    const cpu::Stage& cpu;  ///< of the reference
    const Nvml* nvml = nullptr;
    const Task& task;
    const std::filesystem::path& reference;
    const std::vector<BuiltBaseline>& baselines;
};

/// Inputs and weights lie at their first placement; a GPU's caches do not alias as a CPU's do.
inline constexpr int k_gpu_placement = 0;

class GpuTimingBench {
public:
    /// Draws the weights, starts the baselines, verifies each of them, and keeps the fastest.
    static Result<std::unique_ptr<GpuTimingBench>> create(
        const GpuTiming& timing, const Case& shape, const Seed& pool_seed);

    struct Timed {
        ShapeTiming timing;
        std::optional<cpu::Rejection> rejection;
        std::vector<Finding> findings;
        bool suspect = false;  ///< it ended in a way that a broken device may also cause
        double pairs_s = 0;    ///< that the pairs took: what counts towards the cap
    };
    Result<Timed> time(
        const BuildOutcome& candidate,
        const JudgeOptions& options,
        double cap_s,
        SecretStream& secrets,
        const StageObserver& observer);

    [[nodiscard]] const std::vector<std::pair<std::string, double>>& baseline_ns() const {
        return baseline_times_;
    }

private:
    explicit GpuTimingBench(const GpuTiming& timing)
        : on_(timing) {}
    struct Pair;
    [[nodiscard]] Error baseline_failed(const std::string& baseline, const std::string& what) const;
    Result<void> fill_set(std::int64_t set, GpuContestant* candidate);
    Result<void> seat_baseline(const BuiltBaseline& baseline);
    Result<std::vector<std::string>> seat_baselines();
    Result<void> choose_baseline();
    Result<double> try_baseline(GpuContestant& contestant, const std::string& name, bool verify);
    Result<std::vector<cpu::Inputs>> draw(SecretStream& secrets);
    Result<cpu::Disagreement> compare(
        const GpuContestant& contestant,
        const GpuCallResult& call,
        const std::vector<std::int64_t>& sets,
        std::size_t slot) const;
    void wait_until_cool(double at_most_s) const;
    Result<void> warm_up(
        GpuContestant& candidate, double cap_s, SecretStream& secrets, Timed& timed);
    Result<Pair> run_pair(GpuContestant& candidate, SecretStream& secrets);
    Result<void> run_pairs(
        GpuContestant& candidate,
        double cap_s,
        SecretStream& secrets,
        const StageObserver& observer,
        stats::PairedTest& test,
        Timed& timed);
    void tell_of_pairs_aside(int count, std::vector<Finding>& findings) const;
    Result<void> measure_hot(GpuContestant& candidate, SecretStream& secrets, Timed& timed);
    Result<void> measure_energy(GpuContestant& candidate, SecretStream& secrets, Timed& timed);
    Result<void> look_at_all_weights(GpuContestant& candidate, Timed& timed);
    Result<void> summarise(const stats::PairedTest& test, Timed& timed) const;
    /// One of the sets that were used longest ago, drawn; the pinned one where there is one.
    [[nodiscard]] std::int64_t next_set(SecretStream& secrets);
    [[nodiscard]] std::int64_t last_set() const { return sets_by_age_.back(); }
    [[nodiscard]] cpu::CheckCase as_case() const {
        return {case_.name, case_.dims, case_.distribution, false};
    }
    [[nodiscard]] std::chrono::milliseconds call_limit() const;

    GpuTiming on_;
    Case case_;
    GpuFloor floor_;
    std::int64_t sets_ = 1;
    std::int64_t flush_bytes_ = 0;
    int slots_ = 1;
    int calls_ = 1;  ///< in one interval: 1, or those of a graph
    cpu::Seat reference_seat_;
    std::unique_ptr<cpu::Oracle> oracle_;
    std::optional<SecretStream> pool_stream_;
    std::optional<cpu::InputSource> inputs_;
    std::vector<std::unique_ptr<GpuContestant>> others_;
    std::unique_ptr<GpuContestant> baseline_;
    std::string baseline_name_;
    std::vector<std::pair<std::string, double>> baseline_times_;  ///< least of a few, naive first
    double null_ns_ = 0;
    std::vector<std::int64_t> sets_by_age_;  ///< the last used last
    std::optional<std::int64_t> pinned_set_;
    std::uint8_t order_ = 0;
    bool second_of_block_ = false;
    GpuClocks clocks_;
};

}  // namespace kw::cuda
