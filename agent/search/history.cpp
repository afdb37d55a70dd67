// SPDX-License-Identifier: Apache-2.0
#include "agent/search/history.hpp"

#include "agent/search/max_reward.hpp"
#include "agent/search/reward.hpp"

#include <algorithm>
#include <tuple>

namespace kw::agent {

namespace {

int rank_of_failure(Verdict verdict) {
    return verdict == Verdict::internal ? -1 : progress(verdict);
}

bool better_representative(const Attempt& a, const Attempt& b) {
    if (a.reward != b.reward) {
        return a.reward > b.reward;
    }
    return rank_of_failure(a.result.verdict) > rank_of_failure(b.result.verdict);
}

}  // namespace

void append(History& history, Attempt attempt) {
    const Attempt* last = history.attempts.empty() ? nullptr : &history.attempts.back();
    KW_CHECK(
        last == nullptr || std::tie(last->step, last->slot) < std::tie(attempt.step, attempt.slot));
    if (last != nullptr && last->step != attempt.step) {
        history.y_before_step = last->best_discounted;
        history.step_reward = 0;
    }
    const bool accepted = attempt.result.verdict == Verdict::accepted && !attempt.withdrawn;
    attempt.reward = accepted ? reward_of(attempt.result) : 0;
    history.step_reward = std::max(history.step_reward, attempt.reward);
    attempt.best_discounted =
        next_best_discounted(history.y_before_step, history.step_reward, history.gamma);
    const Attempt* best = best_of(history);
    attempt.new_best =
        accepted && (best == nullptr || attempt.result.speedup.lo > best->result.speedup.lo);
    if (attempt.new_best) {
        history.best = static_cast<int>(history.attempts.size());
    }
    for (ShapeTiming& shape : attempt.result.shapes) {
        shape.samples.clear();
        shape.samples.shrink_to_fit();
    }
    history.attempts.push_back(std::move(attempt));
}

History with_attempt(const History& history, Attempt attempt) {
    History out;
    out.gamma = history.gamma;
    for (const Attempt& old : history.attempts) {
        const bool same = old.step == attempt.step && old.slot == attempt.slot;
        append(out, same ? std::move(attempt) : old);
    }
    return out;
}

History before_step(const History& history, int step) {
    History before;
    before.gamma = history.gamma;
    for (const Attempt& attempt : history.attempts) {
        if (attempt.step < step) {
            append(before, attempt);
        }
    }
    return before;
}

const Attempt* best_of(const History& history) {
    return history.best < 0 ? nullptr : &history.attempts[static_cast<std::size_t>(history.best)];
}

const Attempt* verified_best_of(const History& history) {
    // Bests follow each other upwards: the last one is the highest.
    for (auto it = history.attempts.rbegin(); it != history.attempts.rend(); ++it) {
        if (it->new_best && it->verified) {
            return &*it;
        }
    }
    return nullptr;
}

const Attempt* find_attempt(const History& history, const std::string& hash) {
    for (const Attempt& attempt : history.attempts) {
        if (!hash.empty() && attempt.candidate_hash == hash) {
            return &attempt;
        }
    }
    return nullptr;
}

const Attempt* find_attempt(const History& history, int step, int slot) {
    for (const Attempt& attempt : history.attempts) {
        if (attempt.step == step && attempt.slot == slot) {
            return &attempt;
        }
    }
    return nullptr;
}

const Attempt* find_tokens(const History& history, const std::string& token_hash) {
    for (const Attempt& attempt : history.attempts) {
        if (!token_hash.empty() && attempt.token_hash == token_hash) {
            return &attempt;
        }
    }
    return nullptr;
}

std::vector<const Attempt*> trajectory(const History& history) {
    std::vector<const Attempt*> steps;
    for (const Attempt& attempt : history.attempts) {
        if (steps.empty() || steps.back()->step != attempt.step) {
            steps.push_back(&attempt);
        } else if (better_representative(attempt, *steps.back())) {
            steps.back() = &attempt;
        }
    }
    return steps;
}

}  // namespace kw::agent
