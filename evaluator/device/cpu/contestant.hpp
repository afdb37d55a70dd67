// SPDX-License-Identifier: Apache-2.0
// One contestant of a judgement (candidate, baseline, incumbent): the runner that is called and,
// for a source that defines prepare, a second runner that alone may write packed weights and never
// sees an input.
#pragma once

#include "core/csprng.hpp"
#include "core/task.hpp"
#include "evaluator/device/cpu/runner.hpp"
#include "evaluator/device/cpu/seat.hpp"
#include "evaluator/layers.hpp"

#include <memory>
#include <optional>
#include <string>

namespace kw::cpu {

/// What every runner of a judgement needs.
struct Stage {
    sandbox::Sandbox& sandbox;
    std::filesystem::path runner_program;
    Cores cores;
    Layers layers = {};
};

struct CallRequest {
    const DimMap& dims;
    std::int64_t set = 0;
    int placement = k_placement_guarded;
    const Inputs& inputs;
    SecretStream& secrets;  ///< poison salt, probe positions
    std::chrono::nanoseconds limit{std::chrono::seconds(5)};
};

struct CallResult {
    std::optional<RunnerFailure> failure;  ///< also red zones and late writes
    double ns = 0;
    double waited_ns = 0;  ///< CallOutcome::waited_ns
    std::uint64_t poison_salt = 0;
};

struct PrepareResult {
    std::optional<RunnerFailure> failure;
    bool defined = false;  ///< the source has a prepare function
    double ns = 0;
    std::int64_t bytes = 0;
};

class Contestant {
public:
    /// `shape` is the largest shape this contestant will be called with.
    static Result<std::unique_ptr<Contestant>> start(
        const Stage& stage,
        const Task& task,
        const std::filesystem::path& shared_object,
        harness::Mode mode,
        Seat& seat,
        const DimMap& shape);

    [[nodiscard]] const std::optional<RunnerFailure>& start_failure() const {
        return start_failure_;
    }
    [[nodiscard]] bool prepares() const { return preparer_ != nullptr; }

    /// Packs weight set `set`; nothing to do when the source defines no prepare.
    PrepareResult prepare(const DimMap& dims, std::int64_t set, int placement);
    /// Poisons outputs, gives the inputs, calls, freezes, looks at red zones and late writes.
    CallResult call(const CallRequest& request);
    /// The output of the last call: valid until the next one.
    [[nodiscard]] std::span<const std::byte> output(
        std::size_t arg, const DimMap& dims, int placement) const;
    [[nodiscard]] Seat& seat() { return *seat_; }

private:
    Contestant() = default;
    Result<void> start_preparer(const Stage& stage, const RunnerSpec& spec, const DimMap& shape);
    [[nodiscard]] std::vector<std::uint64_t> pointers(
        const DimMap& dims, std::int64_t set, int placement) const;
    void lay_out(const CallRequest& request, std::uint64_t salt);
    void give_inputs(const CallRequest& request);
    [[nodiscard]] std::optional<RunnerFailure> broken_red_zone(
        const DimMap& dims, int placement) const;

    const Task* task_ = nullptr;
    Seat* seat_ = nullptr;
    Layers layers_;
    std::unique_ptr<Runner> runner_;
    std::unique_ptr<Runner> preparer_;
    std::optional<RunnerFailure> start_failure_;
};

}  // namespace kw::cpu
