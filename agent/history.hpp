// SPDX-License-Identifier: Apache-2.0
// What a campaign has tried, in the order of its steps and slots: the only thing strategies, the
// tuner and prompts look at. It is rebuilt from the stored rows on resume.
#pragma once

#include "core/evaluation.hpp"
#include "core/rows.hpp"

#include <string>
#include <vector>

namespace kw::agent {

struct Attempt {
    int step = 0;
    int slot = 0;
    std::string candidate_hash;  ///< "" for NR
    std::string parent_hash;
    std::string source;  ///< "" for NR
    std::string target = "cpu";
    std::string token_hash;
    std::string note;
    double reward = 0;           ///< speed-up when accepted, else 0; never set for XX
    double best_discounted = 0;  ///< y of max_reward.hpp after this attempt
    bool new_best = false;
    Evaluation result;  ///< without samples
};

struct History {
    double gamma = 1;
    std::vector<Attempt> attempts;  ///< by (step, slot)
    int best = -1;                  ///< index of the best accepted attempt
    double y_before_step = 0;       ///< y when the last attempt's step began
    double step_reward = 0;         ///< best reward of the last attempt's step so far
};

/// Appends and sets reward, best_discounted and new_best. The order is that of (step, slot).
///
/// A new best needs more than luck: the lower end of its interval must lie above the best one's
/// value. A lucky timing therefore has to be lucky by more than its own spread.
void append(History& history, Attempt attempt);

/// The attempts of the steps before `step`: what a prompt of that step may know.
[[nodiscard]] History before_step(const History& history, int step);

[[nodiscard]] const Attempt* best_of(const History& history);  ///< null: none accepted
[[nodiscard]] const Attempt* find_attempt(const History& history, const std::string& hash);
[[nodiscard]] const Attempt* find_attempt(const History& history, int step, int slot);
/// The first attempt with these tokens.
[[nodiscard]] const Attempt* find_tokens(const History& history, const std::string& token_hash);

/// One attempt a step: the fastest, else the failure that came furthest; XX only if nothing else.
[[nodiscard]] std::vector<const Attempt*> trajectory(const History& history);

}  // namespace kw::agent
