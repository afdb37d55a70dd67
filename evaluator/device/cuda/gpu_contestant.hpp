// SPDX-License-Identifier: Apache-2.0
// One contestant of a judgement on a GPU: a process with a context, a module, and room for what the
// task hands over. The same for candidates and baselines.
#pragma once

#include "core/csprng.hpp"
#include "evaluator/device/cpu/check_stage.hpp"
#include "evaluator/device/cpu/seat.hpp"
#include "evaluator/device/cuda/build.hpp"
#include "evaluator/device/cuda/gpu_devices.hpp"
#include "evaluator/device/cuda/gpu_room.hpp"
#include "evaluator/layers.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kw::cuda {

struct GpuStage {
    sandbox::Sandbox& sandbox;
    const GpuAccess& access;
    const GpuInfo& gpu;
    Layers layers = {};
    GpuWrapper wrapper = {};
};

using Content = std::vector<std::vector<std::byte>>;  ///< by argument; empty: not of this kind

struct GpuCallRequest {
    /// One or more calls; only a graph has more. Each has inputs and a weight set of its own.
    std::vector<const cpu::Inputs*> inputs;
    std::vector<std::int64_t> sets;
    SecretStream& secrets;
    /// By call: which slot its arguments lie in. Empty: in order.
    std::vector<std::size_t> slots = {};
    bool timed = false;
    bool graph = false;
    std::int64_t flush_bytes = 0;
    std::uint64_t repetitions = 1;  ///< the same call again and again: energy, hot times
    std::chrono::milliseconds limit{20'000};
};

struct GpuCallResult {
    std::optional<cpu::Rejection> failure;
    bool fatal = false;   ///< the process is lost, or its context
    double event_ns = 0;  ///< of all calls together
    double host_ns = 0;
    bool late = false;                 ///< launching took so long that it is part of event_ns
    std::vector<double> call_ns;       ///< of a graph: by call, an event included
    std::vector<std::uint64_t> salts;  ///< by call: what outputs were poisoned with
};

class GpuContestant {
public:
    /// Opens the device and loads the module. `shapes`: those it will be called with; `slots`:
    /// calls that a graph may hold; `uses_library`: see plan_call(), for baselines of ours alone.
    static Result<std::unique_ptr<GpuContestant>> start(
        const GpuStage& stage,
        const Task& task,
        const BuildOutcome& built,
        const std::vector<DimMap>& shapes,
        int slots,
        bool uses_library = false);

    [[nodiscard]] const std::optional<cpu::Rejection>& start_failure() const {
        return start_failure_;
    }
    /// The PTX had to be compiled by the driver: its code is not what ptxas made.
    [[nodiscard]] bool was_compiled_by_driver() const { return jit_; }

    /// Memory for this shape; the former shape's goes. A plan that cannot be launched at it, or
    /// too large workspaces, are the candidate's; no memory for the task's own arguments is an
    /// Error.
    Result<std::optional<cpu::Rejection>> take_shape(
        const DimMap& dims, std::int64_t sets, int slots, SecretStream& secrets);
    Result<void> write_weights(std::int64_t set, const Content& content);
    /// Whether the set is as it was written; else what happened to it.
    Result<std::optional<cpu::Rejection>> look_at_weights(std::int64_t set, const Content& content);

    GpuCallResult call(const GpuCallRequest& request);
    /// Of the last request's call number `slot`: a copy of our own, which nobody changes any more.
    [[nodiscard]] std::span<const std::byte> output(std::size_t arg, std::size_t slot = 0) const;
    /// What the events of an empty call cost. Errors are the world's.
    Result<double> null_ns();
    /// Ends the process; its whole output, of use with a wrapper.
    sandbox::Outcome finish();

private:
    GpuContestant(const GpuStage& stage, const Task& task, const BuildOutcome& built)
        : stage_(stage)
        , task_(task)
        , built_(built) {}
    Result<void> open();
    void load();
    Result<std::optional<std::uint64_t>> allocate(std::int64_t bytes, bool may_fail);
    Result<void> release_all();
    std::optional<std::string> lay_out_launches(
        const GpuCallRequest& request, std::uint64_t& records, std::uint64_t& count);
    Result<Addresses> addresses_of(std::int64_t set, std::size_t slot);
    GpuAnswer move(std::uint64_t address, std::int64_t offset, std::int64_t bytes, bool to_device);
    GpuCallResult failed(const GpuAnswer& answer, GpuCallResult result) const;
    std::optional<cpu::Rejection> damage_of(std::size_t slot) const;

    const GpuStage& stage_;
    const Task& task_;
    const BuildOutcome& built_;
    std::unique_ptr<GpuRunner> runner_;
    std::optional<cpu::Rejection> start_failure_;
    bool jit_ = false;
    bool uses_library_ = false;

    DimMap dims_;
    EvaluatedPlan plan_;
    Room room_;
    std::int64_t sets_ = 0;
    int slots_ = 0;
    std::uint64_t weights_at_ = 0, slots_at_ = 0, scratch_at_ = 0;
    std::uint64_t weight_salt_ = 0;
    std::vector<std::vector<std::byte>> before_;  ///< by slot: what was handed over
    std::vector<std::vector<std::byte>> after_;   ///< by slot: what came back
};

/// "N=4096 K=4096" with the case's name, or "a hidden case".
[[nodiscard]] std::string label_of(const Task& task, const cpu::CheckCase& at);

}  // namespace kw::cuda
