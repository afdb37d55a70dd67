// SPDX-License-Identifier: Apache-2.0
#include "agent/search/suite_budget.hpp"

#include "agent/search/draw.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <cmath>
#include <vector>

using namespace kw;
using namespace kw::agent;
using kw::test::accepted;
using kw::test::failed;

namespace {

TaskState state(double sol, int attempts, int successes, int without_success = 0) {
    TaskState out;
    out.sol = sol;
    out.attempts = attempts;
    out.successes = successes;
    out.without_success = without_success;
    return out;
}

Evaluation kernel(double speedup, double sol, double half_width = 0.01) {
    Evaluation result = accepted(speedup, half_width);
    result.sol = sol;
    return result;
}

double number(std::uint64_t seed, int index) {
    return draw({seed, index, 0}, DrawFor::parent);
}

}  // namespace

TEST_CASE("suite: the task with the most headroom times chance is next") {
    const std::vector<TaskState> tasks = {state(0.5, 10, 5), state(0.1, 10, 5), state(0.1, 10, 1)};
    CHECK(next_task(tasks, {}) == 1U);
    CHECK(headroom(tasks[0]) == Approx(std::log(2)));
    CHECK(chance_of_success(tasks[0]) == Approx(0.5));
    const std::vector<TaskState> equal = {state(0.2, 4, 1), state(0.2, 4, 1)};
    CHECK(next_task(equal, {}) == 0U);
    const std::vector<TaskState> fewer = {state(0.2, 4, 2), state(0.2, 2, 1)};
    CHECK(next_task(fewer, {}) == 1U);  // 3/6 = 2/4
    CHECK_FALSE(next_task({}, {}));
}

TEST_CASE("suite: less headroom and more failures never make a task more urgent") {
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
        const int attempts = static_cast<int>(30 * number(seed, 0));
        const int successes = static_cast<int>(attempts * number(seed, 1));
        const TaskState now = state(number(seed, 2), attempts, successes);
        const TaskState closer = state(std::min(1.0, now.sol * 1.3), attempts, successes);
        const TaskState failed_once = state(now.sol, attempts + 1, successes);
        const TaskState won_once = state(now.sol, attempts + 1, successes + 1);
        CHECK(headroom(closer) <= headroom(now));
        CHECK(headroom(now) >= 0);
        CHECK(chance_of_success(failed_once) < chance_of_success(now));
        CHECK(chance_of_success(won_once) > chance_of_success(now));
        CHECK(chance_of_success(now) > 0);
        CHECK(chance_of_success(now) < 1);
    }
}

TEST_CASE("suite: a stopped task is never chosen and all stopped chooses none") {
    for (std::uint64_t seed = 1; seed <= 500; ++seed) {
        const SuiteRules rules{0.95, 1 + static_cast<int>(20 * number(seed, 0))};
        std::vector<TaskState> tasks;
        for (int i = 0; i < 6; ++i) {
            tasks.push_back(state(
                1.1 * number(seed, 10 + i), 40, 3, static_cast<int>(40 * number(seed, 20 + i))));
            tasks.back().exhausted = number(seed, 30 + i) < 0.2;
        }
        const auto next = next_task(tasks, rules);
        if (next) {
            CHECK_FALSE(stopped(tasks[*next], rules));
        } else {
            for (const TaskState& task : tasks) {
                CHECK(stopped(task, rules));
            }
        }
    }
}

TEST_CASE(
    "suite: a task stops at the roofline and after attempts without gain and when it is out") {
    const SuiteRules rules;
    CHECK(stopped(state(0.95, 5, 5), rules) == std::string("at the roofline"));
    CHECK_FALSE(stopped(state(0.949, 5, 5), rules));
    CHECK_FALSE(stopped(state(0.5, 30, 1, 23), rules));
    CHECK(stopped(state(0.5, 30, 1, 24), rules) == std::string("no gain in 24 attempts"));
    TaskState out = state(0.5, 30, 1);
    out.exhausted = true;
    CHECK(stopped(out, rules) == std::string("search finished"));
}

TEST_CASE("suite: a gain inside the paired spread is no success") {
    TaskState now = after_attempt({}, kernel(1.0, 0.2, 0.05));
    CHECK(now.successes == 1);
    now = after_attempt(now, kernel(1.06, 0.21, 0.05));  // [1.01, 1.11] meets [0.95, 1.05]
    CHECK(now.successes == 1);
    CHECK(now.without_success == 1);
    CHECK(now.sol == 0.21);
    now = after_attempt(now, kernel(2.0, 0.4, 0.05));
    CHECK(now.successes == 2);
    CHECK(now.without_success == 0);
    now = after_attempt(now, failed(Verdict::wrong_result));
    now = after_attempt(now, kernel(0.5, 0.1));
    CHECK(now.without_success == 2);
    CHECK(now.attempts == 5);
    CHECK(now.sol == 0.4);
}

TEST_CASE("suite: gains inside the spread do not keep a task going") {
    TaskState now = after_attempt({}, kernel(1.0, 0.3, 0.2));
    int attempts = 0;
    while (!stopped(now, {})) {
        ++attempts;
        REQUIRE(attempts < 100);
        now = after_attempt(now, kernel(1.0 + 0.001 * attempts, 0.3, 0.2));
    }
    CHECK(attempts == 24);
}

TEST_CASE("suite: a failed attempt however fast earns nothing") {
    Evaluation hack = kernel(50, 0.9);
    hack.verdict = Verdict::too_fast;
    const TaskState now = after_attempt({}, hack);
    CHECK(now.sol == 0);
    CHECK(now.successes == 0);
    CHECK(now.best.hi == 0);
}
