// SPDX-License-Identifier: Apache-2.0
// A critic says of one judged attempt what is wrong or what limits it, and names one change. Kinds:
//   none    says nothing
//   rules   the facts against the pattern catalogue: free, no model
//   model   a model is told the facts and answers in JSON
// What a critic says is a claim, never a verdict: calibration.hpp holds it against what came of it.
#pragma once

#include "agent/critic/critique.hpp"
#include "agent/critic/model_question.hpp"
#include "agent/critic/patterns.hpp"
#include "agent/observation/template.hpp"
#include "agent/proposers/proposer.hpp"
#include "agent/search/history.hpp"
#include "core/result.hpp"
#include "core/task.hpp"
#include "evaluator/device/cpu/calibration.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace kw::agent {

struct Critic {
    virtual ~Critic() = default;
    [[nodiscard]] virtual std::string label() const = 0;  ///< "rules", "model: openai:gpt-..."
    /// `done`: the history that holds `attempt`. An answer that cannot be used is not an Error: see
    /// Critique::usable. Errors are those of the model call.
    virtual Result<Critique> critique(
        const History& done, const Attempt& attempt, const std::atomic<int>& cancelled) = 0;
};

struct CriticParts {
    const Task& task;
    const PatternBook& patterns;
    const PromptBook& prompts;                  ///< model: critique.md
    const cpu::Calibration* machine = nullptr;  ///< for the fractions of the hot roofs
    std::string campaign = {};  ///< model: the request names it with "-critic" behind
    ModelAsker model = {};      ///< model: required
    /// Critiques so far, for what was refuted; asked at every call. None: nothing is refuted.
    std::function<std::vector<GivenCritique>()> given = {};
};

[[nodiscard]] const std::vector<std::string>& critic_kinds();  ///< none, rules, model

/// Everything in `parts` must outlive the critic. Errc::usage for an unknown kind (with
/// did-you-mean) or for "model" without a call.
[[nodiscard]] Result<std::unique_ptr<Critic>> make_critic(
    const std::string& kind, const CriticParts& parts);

/// The message of the model critic, at most k_max_prompt_bytes.
[[nodiscard]] Result<ProposeRequest> critique_request(
    const CriticParts& parts, const History& done, const Attempt& attempt);

}  // namespace kw::agent
