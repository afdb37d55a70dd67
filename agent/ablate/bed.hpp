// SPDX-License-Identifier: Apache-2.0
// A test bed for searches: a proposer and a judge in one, cheap enough for thousands of runs. It
// drives real strategies, which see a real History; what is simulated is the answer to an ask.
#pragma once

#include "agent/ablate/arm.hpp"
#include "agent/metrics/speedup_curve.hpp"
#include "agent/search/strategy.hpp"
#include "core/evaluation.hpp"
#include "evaluator/draws.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace kw::agent {

/// What became of one proposal.
struct Trial {
    Verdict verdict = Verdict::internal;
    double speedup = 0;  ///< true one, over what the bed calls 1; only when accepted
    Ratio measured;      ///< what the judge says, and the search sees
    std::string note;
};

/// What an ask costs. Proposals of a wave are asked for together, judged one after another.
struct AskCost {
    double tokens = 0;
    double usd = 0;
    double call_seconds = 0;   ///< until the reply is there
    double judge_seconds = 0;  ///< the judgement's own time
};

/// An ask with its place in the run.
struct BedAsk {
    Ask ask;
    std::string key;  ///< hash that the candidate will have in the history
    int step = 0;     ///< proposals of a step do not see each other
    int number = 0;   ///< of the attempt, from 1: it chooses the draws, so that arms share luck
};

/// Seed of an attempt's draws. Hashed: streams of the generator whose seeds lie one step apart are
/// the same stream.
[[nodiscard]] inline std::uint64_t seed_of_attempt(std::uint64_t run_seed, int number) {
    return stats::Draws(run_seed + static_cast<std::uint64_t>(number) * 0xd1342543de82ef95U).next();
}

/// One task with everything that is hidden of it: made by Bed::landscape(), used by one run.
struct Landscape {
    virtual ~Landscape() = default;
    /// The start source, judged before the search begins. Called once, first.
    [[nodiscard]] virtual Trial start() = 0;
    /// Nothing: there is nothing left to propose.
    [[nodiscard]] virtual std::optional<Trial> propose(const BedAsk& ask, const Shown& shown) = 0;
};

struct Bed {
    virtual ~Bed() = default;
    [[nodiscard]] virtual std::string name() const = 0;
    /// `arm`: whose asks it will answer; what is drawn of the task depends on the seed alone.
    [[nodiscard]] virtual std::unique_ptr<Landscape> landscape(
        std::uint64_t seed, const Arm& arm) const = 0;
    /// `attempts`: lines of the trajectory so far.
    [[nodiscard]] virtual AskCost ask_cost(const Shown& shown, int attempts) const = 0;
    /// Of one critique; `judge_seconds` is 0.
    [[nodiscard]] virtual AskCost critique_cost() const = 0;
    /// A model writes critiques: each counts as a call. Rules cost nothing.
    [[nodiscard]] virtual bool critique_is_a_call() const = 0;
    /// Calls that are answered at the same time.
    [[nodiscard]] virtual int concurrent_calls() const = 0;
};

}  // namespace kw::agent
