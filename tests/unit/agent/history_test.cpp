// SPDX-License-Identifier: Apache-2.0
#include "agent/search/history.hpp"

#include "agent/search/reward.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/search_fakes.hpp"

#include <cmath>

using namespace kw;
using namespace kw::agent;
using kw::test::accepted;
using kw::test::failed;

namespace {

ShapeTiming shape(double candidate_ns, double baseline_ns, double floor_ns) {
    ShapeTiming out;
    out.candidate_ns = candidate_ns;
    out.baseline_ns = baseline_ns;
    out.floor_ns = floor_ns;
    out.speedup = {baseline_ns / candidate_ns, baseline_ns / candidate_ns, 0};
    return out;
}

}  // namespace

TEST_CASE("history: a step counts once in the discounted best however many slots it has") {
    History history;
    history.gamma = 0.5;
    test::add(history, 0, 0, accepted(1));
    test::add(history, 1, 0, failed(Verdict::wrong_result));
    test::add(history, 1, 1, accepted(3));
    test::add(history, 1, 2, accepted(2));
    test::add(history, 2, 0, failed(Verdict::compile_error));
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
    test::add(history, 0, 0, accepted(1.00, 0.02));
    test::add(history, 1, 0, accepted(1.40, 0.40));  // by its value it would win
    test::add(history, 2, 0, accepted(1.05, 0.02));
    test::add(history, 3, 0, failed(Verdict::internal));
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
    test::add(history, 0, 0, accepted(1));
    test::add(history, 1, 0, accepted(3));
    test::add(history, 2, 0, accepted(2));
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
    test::add(history, 0, 0, result);
    CHECK(history.attempts[0].reward == 0);
    CHECK(best_of(history) == nullptr);
}

TEST_CASE("history: a step is represented by its fastest or its furthest failure") {
    History history;
    test::add(history, 0, 0, failed(Verdict::internal));
    test::add(history, 1, 0, failed(Verdict::compile_error));
    test::add(history, 1, 1, failed(Verdict::wrong_result));
    test::add(history, 2, 0, accepted(2));
    test::add(history, 2, 1, accepted(3));
    const auto steps = trajectory(history);
    REQUIRE(steps.size() == 3);
    CHECK(steps[1]->slot == 1);
    CHECK(steps[2]->slot == 1);
}

TEST_CASE("reward: a kernel earns its speed-up and no more than the floor allows") {
    Evaluation result = accepted(8);
    CHECK(reward_of(result) == 8);  // nothing is known of a floor
    result.shapes = {shape(10, 80, 5), shape(10, 80, 5)};
    CHECK(speedup_at_floor(result) == Approx(16));
    CHECK(reward_of(result) == 8);
    result.shapes = {shape(10, 80, 20), shape(10, 80, 5)};
    CHECK(speedup_at_floor(result) == Approx(8));
    result.shapes = {shape(10, 80, 20), shape(10, 80, 20)};
    CHECK(reward_of(result) == Approx(4));
    CHECK(sure_reward_of(result) == Approx(4));
    History history;
    test::add(history, 0, 0, result);
    CHECK(history.attempts[0].reward == Approx(4));
}

TEST_CASE("reward: a shape without a floor or without a time caps nothing") {
    Evaluation result = accepted(8);
    result.shapes = {shape(10, 80, 20), shape(10, 80, 0)};
    CHECK(std::isinf(speedup_at_floor(result)));
    ShapeTiming disturbed;  // never timed, and left out of the speed-up
    disturbed.floor_ns = 1;
    result.shapes = {shape(10, 80, 20), disturbed};
    CHECK(speedup_at_floor(result) == Approx(4));
}

TEST_CASE("reward: no failure earns anything however far it came") {
    for (int i = 0; i < k_verdict_count; ++i) {
        const auto verdict = static_cast<Verdict>(i);
        Evaluation result = accepted(3);
        result.verdict = verdict;
        INFO(code(verdict));
        CHECK(reward_of(result) == (verdict == Verdict::accepted ? 3 : 0));
        CHECK((sure_reward_of(result) > 0) == (verdict == Verdict::accepted));
        History history;
        test::add(history, 0, 0, accepted(0.5));
        test::add(history, 1, 0, result);
        CHECK(history.attempts[1].new_best == (verdict == Verdict::accepted));
    }
}
