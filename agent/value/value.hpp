// SPDX-License-Identifier: Apache-2.0
// What a proposal is worth before anything of it is built: used to keep W of W' > W proposals.
// Estimates order, they never veto, and each is stored beside what came of it (EstimateRow). Kinds:
//   none      every proposal is worth the same
//   features  neighbours among earlier attempts, by facts of source and lineage: free
//   model     a model names the chances of ranges of speed-up
//   verifiers a model says three times whether it will pass (verifiers.hpp)
#pragma once

#include "agent/critic/critic.hpp"
#include "agent/observation/template.hpp"
#include "agent/search/history.hpp"
#include "core/result.hpp"
#include "core/rows.hpp"
#include "core/task.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kw::agent {

/// A candidate that nobody has built yet.
struct Proposal {
    std::string source;
    std::string target = "cpu";
    std::string parent_hash;
    int slot = 0;
};

/// What a soft verifier says of a proposal.
struct Vote : PaidAnswer {
    std::string verifier;  ///< of verifier_names()
    double chance = -1;    ///< that the proposal passes; negative = it cannot be read
};

struct Estimate : PaidAnswer {
    double expected_max = 0;  ///< E max(best so far, speed-up): what to rank by
    double speedup = 0;       ///< expected speed-up, failures as 0; 0 = none was named
    double chance = -1;       ///< that it is accepted; negative = none was named
    std::vector<Vote> votes;  ///< verifiers: what it was made from; they hold what was paid
};

struct ActionValue {
    virtual ~ActionValue() = default;
    [[nodiscard]] virtual std::string kind() const = 0;  ///< as rows store it
    /// `done`: whole steps before the proposal's. Errors are those of the model call; an answer
    /// that cannot be used estimates nothing (chance < 0) and ranks as the best so far.
    virtual Result<Estimate> estimate(
        const History& done, const Proposal& proposal, const std::atomic<int>& cancelled) = 0;
};

/// An attempt of another campaign of the same task and target, for `features`.
struct PastAttempt {
    Proposal proposal;
    double parent_reward = 0;  ///< 0: the parent failed or is not known
    std::string parent_source;
    double reward = 0;
};

struct ValueParts {
    const Task& task;
    const PromptBook& prompts;      ///< model: value.md; verifiers: verify_*.md
    std::string campaign;           ///< model: the request names it with "-value" behind
    ModelAsker model;               ///< model, verifiers: required
    std::vector<PastAttempt> past;  ///< features: what is known besides the history
};

/// none, features, model, verifiers
[[nodiscard]] const std::vector<std::string>& value_kinds();

/// Errc::usage for an unknown kind (with did-you-mean) or for one that asks a model without a call.
/// What `parts` refers to must outlive the estimate.
[[nodiscard]] Result<std::unique_ptr<ActionValue>> make_action_value(
    const std::string& kind, const ValueParts& parts);

/// E max(floor, X) of a log-normal X of this median and deviation of its logarithm. Outcomes are
/// spread so that what lies below the floor is still told apart: with points, every proposal whose
/// outcomes all lie there would be worth exactly the floor. A median of 0 is a failure: the floor.
[[nodiscard]] double expected_max_of(double floor, double median, double deviation);

/// Indices of the `keep` best by expected_max, in their old order; equals keep theirs.
[[nodiscard]] std::vector<std::size_t> keep_best(
    const std::vector<Estimate>& estimates, std::size_t keep);

/// Of the estimate, then one for each vote, part "verifier:NAME".
[[nodiscard]] std::vector<EstimateRow> rows_of(
    const Estimate& estimate,
    const std::string& kind,
    std::int64_t campaign_id,
    int step,
    int slot,
    bool kept);
[[nodiscard]] EstimateRow row_of(
    const Estimate& estimate,
    const std::string& kind,
    std::int64_t campaign_id,
    int step,
    int slot,
    bool kept);

}  // namespace kw::agent
