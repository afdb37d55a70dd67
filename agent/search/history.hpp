// SPDX-License-Identifier: Apache-2.0
// What a campaign has tried, in the order of its steps and slots: the only thing strategies, the
// tuner and prompts look at. It is rebuilt from the stored rows on resume.
#pragma once

#include "core/evaluation.hpp"
#include "core/rows.hpp"

#include <cstdint>
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
    std::int64_t evaluation_id = 0;  ///< of the stored first judging
    bool verified = false;           ///< `result` is a second, independent judging
    bool withdrawn = false;          ///< no judging counts: never rewarded, never the best
    double reward = 0;               ///< reward_of() its result; 0 when withdrawn
    double best_discounted = 0;      ///< y of max_reward.hpp after this attempt
    bool new_best = false;
    Evaluation result;  ///< of the judging that counts, without samples
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
/// Kernels are ranked by the lower end of their interval, as on the board: a disturbed timing has a
/// wide one and cannot win by its value. The highest of many timings is still a lucky one, so
/// a best that is not verified yet has to be judged again (promotion.hpp).
void append(History& history, Attempt attempt);

/// The same attempts with `attempt` in its place by step and slot; everything derived is anew.
[[nodiscard]] History with_attempt(const History& history, Attempt attempt);

/// The attempts of the steps before `step`: what a prompt of that step may know.
[[nodiscard]] History before_step(const History& history, int step);

[[nodiscard]] const Attempt* best_of(const History& history);  ///< null: none accepted
/// The best of those that were judged twice: what may be shown. Null: none.
[[nodiscard]] const Attempt* verified_best_of(const History& history);
[[nodiscard]] const Attempt* find_attempt(const History& history, const std::string& hash);
[[nodiscard]] const Attempt* find_attempt(const History& history, int step, int slot);
/// The first attempt with these tokens.
[[nodiscard]] const Attempt* find_tokens(const History& history, const std::string& token_hash);

/// One attempt a step: the fastest, else the failure that came furthest; XX only if nothing else.
[[nodiscard]] std::vector<const Attempt*> trajectory(const History& history);

}  // namespace kw::agent
