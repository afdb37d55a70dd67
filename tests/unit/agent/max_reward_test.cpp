// SPDX-License-Identifier: Apache-2.0
// The bookkeeping of max_reward.hpp against brute force: every trajectory, every policy of small
// stochastic decision processes.
#include "agent/search/max_reward.hpp"

#include "agent/search/draw.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <vector>

using namespace kw::agent;

namespace {

struct Outcome {
    double chance = 0;
    int next = 0;
    double reward = 0;
};

/// [state][action] -> outcomes whose chances add up to 1.
using Process = std::vector<std::vector<std::vector<Outcome>>>;

/// The value of every deterministic policy, one that may look at all that happened, from `state`
/// on: E[max(y, G)], with the return G of the whole trajectory taken at its end.
std::vector<double> values_of_all_policies(
    const Process& process,
    int state,
    int steps,
    double gamma,
    double y,
    std::vector<double>& rewards) {
    if (steps == 0) {
        return {std::max(y, max_reward_return(rewards, gamma))};
    }
    std::vector<double> values;
    for (const std::vector<Outcome>& outcomes : process[static_cast<std::size_t>(state)]) {
        std::vector<double> sums = {0};
        for (const Outcome& outcome : outcomes) {
            rewards.push_back(outcome.reward);
            const auto later =
                values_of_all_policies(process, outcome.next, steps - 1, gamma, y, rewards);
            rewards.pop_back();
            std::vector<double> combined;
            for (const double sum : sums) {
                for (const double value : later) {
                    combined.push_back(sum + outcome.chance * value);
                }
            }
            sums = std::move(combined);
        }
        values.insert(values.end(), sums.begin(), sums.end());
    }
    return values;
}

double best_policy(const Process& process, int steps, double gamma, double y) {
    std::vector<double> rewards;
    const auto values = values_of_all_policies(process, 0, steps, gamma, y, rewards);
    return *std::max_element(values.begin(), values.end());
}

/// Dynamic programming on the extended state: V(s, y) = gamma max_a E V(s', y').
class Extended {
public:
    Extended(const Process& process, double gamma)
        : process_(process)
        , gamma_(gamma) {}

    double value(int state, int steps, double y) {
        if (steps == 0) {
            return y;
        }
        const auto [known, fresh] = values_.try_emplace({state, steps, y}, 0.0);
        if (!fresh) {
            return known->second;
        }
        double best = 0;
        for (const std::vector<Outcome>& outcomes : process_[static_cast<std::size_t>(state)]) {
            double mean = 0;
            for (const Outcome& outcome : outcomes) {
                const double next_y = next_best_discounted(y, outcome.reward, gamma_);
                mean += outcome.chance * value(outcome.next, steps - 1, next_y);
            }
            best = std::max(best, gamma_ * mean);
        }
        return values_[{state, steps, y}] = best;
    }

private:
    const Process& process_;
    double gamma_;
    std::map<std::tuple<int, int, double>, double> values_;
};

/// The operator without y: Q(s, a) = E max(r, gamma max_a' Q(s', a')).
double naive_value(const Process& process, int state, int steps, double gamma) {
    if (steps == 0) {
        return 0;
    }
    double best = 0;
    for (const std::vector<Outcome>& outcomes : process[static_cast<std::size_t>(state)]) {
        double mean = 0;
        for (const Outcome& outcome : outcomes) {
            const double later = naive_value(process, outcome.next, steps - 1, gamma);
            mean += outcome.chance * std::max(outcome.reward, gamma * later);
        }
        best = std::max(best, mean);
    }
    return best;
}

Process random_process(std::uint64_t seed, int states, int actions, bool stochastic) {
    std::uint64_t index = 0;
    const auto next = [&] {
        return draw({seed, 0, 0}, DrawFor::parent, index++);
    };
    Process process;
    for (int s = 0; s < states; ++s) {
        auto& of_state = process.emplace_back();
        for (int a = 0; a < actions; ++a) {
            const double p = stochastic ? 0.1 + 0.8 * next() : 1;
            auto& outcomes = of_state.emplace_back();
            outcomes.push_back(
                {p,
                 static_cast<int>(choose(next(), static_cast<std::size_t>(states))),
                 4 * next()});
            if (stochastic) {
                const double reward = next() < 0.5 ? 0 : 4 * next();
                outcomes.push_back(
                    {1 - p,
                     static_cast<int>(choose(next(), static_cast<std::size_t>(states))),
                     reward});
            }
        }
    }
    return process;
}

}  // namespace

TEST_CASE("max reward: the state recovers the return of every small trajectory") {
    const std::vector<double> values = {0, 0.5, 1, 1.7, 3};
    for (const double gamma : {0.5, 0.9, 0.95, 1.0}) {
        for (int length = 0; length <= 5; ++length) {
            const int count = static_cast<int>(std::pow(values.size(), length));
            for (int index = 0; index < count; ++index) {
                std::vector<double> rewards;
                double y = 0;
                for (int i = 0, rest = index; i < length; ++i, rest /= 5) {
                    rewards.push_back(values[static_cast<std::size_t>(rest % 5)]);
                    y = next_best_discounted(y, rewards.back(), gamma);
                }
                const double want = max_reward_return(rewards, gamma);
                REQUIRE(std::pow(gamma, length) * y == Approx(want).margin(1e-12));
            }
        }
    }
}

TEST_CASE("max reward: max of state and return is gamma times that of the next step") {
    const std::vector<double> rewards = {0.2, 1.5, 0, 2.0, 1.0};
    const double gamma = 0.9;
    double y = 0.7;
    for (std::size_t t = 0; t < rewards.size(); ++t) {
        const double now = std::max(y, max_reward_return(std::span(rewards).subspan(t), gamma));
        y = next_best_discounted(y, rewards[t], gamma);
        const double next =
            std::max(y, max_reward_return(std::span(rewards).subspan(t + 1), gamma));
        CHECK(now == Approx(gamma * next));
    }
}

TEST_CASE("max reward: dynamic programming on the extended state finds the best of all policies") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        const int states = 2 + static_cast<int>(seed % 2);
        const Process process = random_process(seed, states, 2, true);
        for (const double gamma : {0.6, 0.95, 1.0}) {
            for (int steps = 0; steps <= 3; ++steps) {
                for (const double y : {0.0, 0.7, 2.5}) {
                    INFO("process " << seed << " gamma " << gamma << " steps " << steps);
                    Extended extended(process, gamma);
                    REQUIRE(
                        extended.value(0, steps, y) ==
                        Approx(best_policy(process, steps, gamma, y)).margin(1e-12));
                }
            }
        }
    }
}

TEST_CASE("max reward: an operator without the best so far misjudges a stochastic process") {
    // First 0 or 10 by chance, then a choice: 6.5 for sure, or 0 or 12 by chance. Who holds 10
    // should gamble (11 against 10), who holds nothing should not.
    const Process process = {
        {{{0.5, 1, 0}, {0.5, 1, 10}}}, {{{1, 2, 6.5}}, {{0.5, 2, 12}, {0.5, 2, 0}}}, {{{1, 2, 0}}}};
    Extended extended(process, 1);
    CHECK(best_policy(process, 2, 1, 0) == Approx(8.75));
    CHECK(extended.value(0, 2, 0) == Approx(8.75));
    CHECK(naive_value(process, 0, 2, 1) == Approx(8.25));
    // In state 1 the choice depends on y alone: no value of the state says it.
    CHECK(extended.value(1, 1, 10) == Approx(11));
    CHECK(extended.value(1, 1, 0) == Approx(6.5));
}

TEST_CASE("max reward: without chance the operator that lacks the best so far is right") {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        const Process process = random_process(seed, 3, 2, false);
        for (const double gamma : {0.6, 0.95, 1.0}) {
            CHECK(naive_value(process, 0, 3, gamma) == Approx(best_policy(process, 3, gamma, 0)));
        }
    }
}
