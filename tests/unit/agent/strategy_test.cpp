// SPDX-License-Identifier: Apache-2.0
#include "agent/search/strategy.hpp"

#include "agent/search/max_reward.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <cmath>
#include <set>

using namespace kw;
using namespace kw::agent;
using kw::test::accepted;
using kw::test::failed;
using kw::test::must;

namespace {

void add(History& history, int step, int slot, const Evaluation& result) {
    Attempt attempt;
    attempt.step = step;
    attempt.slot = slot;
    attempt.candidate_hash = "h" + std::to_string(step) + "." + std::to_string(slot);
    attempt.source = "source";
    attempt.result = result;
    append(history, std::move(attempt));
}

std::unique_ptr<Strategy> strategy(const std::string& name, int width = 2, int depth = 4) {
    return must(make_strategy(name, {width, depth}));
}

std::string parent_of(const Strategy& strategy, const History& history) {
    const auto wave = strategy.next(history);
    REQUIRE(wave);
    return wave->asks.front().parent_hash;
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

TEST_CASE("history: a step counts once in the discounted best however many slots it has") {
    History history;
    history.gamma = 0.5;
    add(history, 0, 0, accepted(1));
    add(history, 1, 0, failed(Verdict::wrong_result));
    add(history, 1, 1, accepted(3));
    add(history, 1, 2, accepted(2));
    add(history, 2, 0, failed(Verdict::compile_error));
    const auto y = [&](std::size_t i) {
        return history.attempts[i].best_discounted;
    };
    CHECK(y(0) == Approx(2));
    CHECK(y(1) == Approx(4));
    CHECK(y(2) == Approx(6));
    CHECK(y(3) == Approx(6));
    CHECK(y(4) == Approx(12));
}

TEST_CASE("history: kernels are ranked by the lower end of their interval") {
    History history;
    add(history, 0, 0, accepted(1.00, 0.02));
    add(history, 1, 0, accepted(1.40, 0.40));  // by its value it would win
    add(history, 2, 0, accepted(1.05, 0.02));
    add(history, 3, 0, failed(Verdict::internal));
    CHECK(history.attempts[0].new_best);
    CHECK_FALSE(history.attempts[1].new_best);
    CHECK(history.attempts[2].new_best);
    CHECK(best_of(history)->step == 2);
    CHECK(verified_best_of(history) == nullptr);
    CHECK(history.attempts[3].reward == 0);
}

TEST_CASE("history: another result of an attempt changes all that follows from it") {
    History history;
    history.gamma = 0.5;
    add(history, 0, 0, accepted(1));
    add(history, 1, 0, accepted(3));
    add(history, 2, 0, accepted(2));
    Attempt second = history.attempts[1];
    second.result = accepted(1.5);
    second.verified = true;
    const History now = with_attempt(history, second);
    CHECK(now.attempts[1].reward == 1.5);
    CHECK(now.attempts[2].new_best);
    CHECK(now.attempts[2].best_discounted == Approx(std::max({1 / 0.125, 1.5 / 0.25, 2 / 0.5})));
    CHECK(verified_best_of(now)->step == 1);
    second.withdrawn = true;
    CHECK(with_attempt(history, second).attempts[1].reward == 0);
    CHECK(verified_best_of(with_attempt(history, second)) == nullptr);
}

TEST_CASE("history: a failure is never rewarded whatever its speed-up says") {
    History history;
    Evaluation result = failed(Verdict::too_fast);
    result.speedup = {900, 800, 1000};
    add(history, 0, 0, result);
    CHECK(history.attempts[0].reward == 0);
    CHECK(best_of(history) == nullptr);
}

TEST_CASE("history: a step is represented by its fastest or its furthest failure") {
    History history;
    add(history, 0, 0, failed(Verdict::internal));
    add(history, 1, 0, failed(Verdict::compile_error));
    add(history, 1, 1, failed(Verdict::wrong_result));
    add(history, 2, 0, accepted(2));
    add(history, 2, 1, accepted(3));
    const auto steps = trajectory(history);
    REQUIRE(steps.size() == 3);
    CHECK(steps[1]->slot == 1);
    CHECK(steps[2]->slot == 1);
}

TEST_CASE("strategy: best-of-n always starts from the start source") {
    const auto search = strategy("best-of-n", 3);
    History history;
    add(history, 0, 0, accepted(1));
    add(history, 1, 0, accepted(2));
    const auto wave = search->next(history);
    REQUIRE(wave);
    CHECK(wave->step == 2);
    CHECK(wave->asks.size() == 3);
    CHECK(wave->asks[2].slot == 2);
    CHECK(parent_of(*search, history) == "h0.0");
}

TEST_CASE("strategy: chain follows the newest accepted kernel and gives up after three failures") {
    const auto search = strategy("chain");
    History history;
    add(history, 0, 0, accepted(1));
    add(history, 1, 0, accepted(3));
    add(history, 2, 0, accepted(2));
    CHECK(parent_of(*search, history) == "h2.0");
    add(history, 3, 0, failed(Verdict::compile_error));
    add(history, 4, 0, failed(Verdict::compile_error));
    CHECK(parent_of(*search, history) == "h2.0");
    add(history, 5, 0, failed(Verdict::compile_error));
    CHECK(parent_of(*search, history) == "h1.0");
    CHECK(search->next(history)->asks.size() == 1);
}

TEST_CASE("strategy: maxcode repairs a failure three times and then returns to the best") {
    const auto search = strategy("maxcode", 2, 100);
    History history;
    add(history, 0, 0, accepted(1));
    CHECK(parent_of(*search, history) == "h0.0");
    add(history, 1, 0, accepted(2));
    add(history, 1, 1, accepted(1.5));
    CHECK(parent_of(*search, history) == "h1.0");
    for (int step = 2; step <= 4; ++step) {
        add(history, step, 0, failed(Verdict::wrong_result));
        CHECK(parent_of(*search, history) == "h" + std::to_string(step) + ".0");
    }
    add(history, 5, 0, failed(Verdict::wrong_result));
    CHECK(parent_of(*search, history) == "h1.0");
}

TEST_CASE("strategy: maxcode begins a new trajectory from the best after its depth") {
    const auto search = strategy("maxcode", 1, 2);
    History history;
    add(history, 0, 0, accepted(1));
    add(history, 1, 0, accepted(5));
    add(history, 2, 0, accepted(2));
    CHECK(parent_of(*search, history) == "h1.0");
}

TEST_CASE("strategy: the same history gives the same wave") {
    for (const std::string& name : strategy_names()) {
        const auto search = strategy(name);
        History history;
        add(history, 0, 0, accepted(1));
        add(history, 1, 0, failed(Verdict::timeout));
        CHECK(parent_of(*search, history) == parent_of(*search, before_step(history, 2)));
        CHECK(search->next(history)->step == 2);
    }
}

TEST_CASE("strategy: an unknown name is a usage error that suggests") {
    const auto result = make_strategy("maxcod", {});
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::usage);
    CHECK_THAT(result.error().hint, Catch::Matchers::Contains("maxcode"));
}
