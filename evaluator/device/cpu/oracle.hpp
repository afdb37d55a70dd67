// SPDX-License-Identifier: Apache-2.0
// The reference, in a sandboxed process of its own. It reads the inputs and weights of one seat, is
// called only while every contestant is frozen, and its outputs lie where no contestant can see
// them.
#pragma once

#include "core/evaluation.hpp"
#include "evaluator/compare.hpp"
#include "evaluator/device/cpu/contestant.hpp"

#include <functional>
#include <memory>
#include <optional>

namespace kw::cpu {

/// What the reference was asked about a call: everything, or a projection and some single elements.
struct Question {
    const DimMap& dims;
    std::int64_t set = 0;
    int placement = k_placement_guarded;
};

/// A failed comparison, ready for a CaseOutcome.
struct Disagreement {
    Verdict verdict = Verdict::accepted;  ///< accepted = agreed
    std::size_t arg = 0;
    OutputDiff diff;
    std::string note;
    double max_error = 0;  ///< over all outputs
    std::int64_t elements = 0;
};

/// The bytes of argument i after the call.
using OutputOf = std::function<std::span<const std::byte>(std::size_t)>;
[[nodiscard]] OutputOf outputs_of(const Contestant& contestant, const Question& question);

class Oracle {
public:
    static Result<std::unique_ptr<Oracle>> start(
        const Stage& stage,
        const Task& task,
        const std::filesystem::path& reference,
        const Seat& seat,
        const std::vector<DimMap>& shapes);

    /// Computes what is needed to verify calls on the seat's present inputs: once a pair, both
    /// contestants frozen. `secrets` gives the projection vector and the sampled elements, drawn
    /// now. Errors are ours: a reference that crashes makes no candidate wrong.
    Result<void> compute(const Question& question, SecretStream& secrets);
    /// The whole outputs, whatever their size, written over a pattern drawn from `salt`: for
    /// questions about the reference itself.
    Result<void> compute_whole(const Question& question, std::uint64_t salt);
    /// Buffer `which` (0, 1) of what compute_whole() left for an output; empty: there is none.
    [[nodiscard]] std::span<const std::byte> wanted(
        std::size_t arg, int which, const DimMap& dims) const;
    /// Compares outputs with what compute() left. `poison_salt`: what they were poisoned with.
    Result<Disagreement> compare(
        const OutputOf& output, const Question& question, std::uint64_t poison_salt) const;

private:
    Oracle() = default;
    [[nodiscard]] bool projects(const DimMap& dims) const;
    [[nodiscard]] std::vector<std::uint64_t> input_pointers(const Question& question) const;
    Result<void> call(
        harness::Function function, std::vector<std::uint64_t> pointers, const Question& question);
    Result<void> call_whole(const Question& question);
    Result<void> compute_projection(const Question& question, SecretStream& secrets);
    Result<OutputDiff> compare_whole(
        std::size_t arg,
        std::span<const std::byte> got,
        const DimMap& dims,
        std::span<const std::byte> poisoned) const;
    Result<OutputDiff> compare_sampled(
        const Arg& arg, std::span<const std::byte> got, const DimMap& dims) const;

    const Task* task_ = nullptr;
    const Seat* seat_ = nullptr;
    Layers layers_;
    OracleLayout layout_;
    std::shared_ptr<SharedMemory> io_;
    std::unique_ptr<Runner> runner_;
    std::vector<std::int64_t> indices_;
};

}  // namespace kw::cpu
