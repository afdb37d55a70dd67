// SPDX-License-Identifier: Apache-2.0
#include "server/fleet/autoscale.hpp"

#include "tests/support/catch.hpp"

#include <algorithm>
#include <random>

using namespace kw;
using namespace kw::server;

namespace {

SlurmJob running(const std::string& id, std::int64_t seconds) {
    return {id, "RUNNING", seconds, "n1", ""};
}
SlurmJob waiting(const std::string& id) {
    return {id, "PENDING", 0, "", "Resources"};
}

std::vector<std::string> ids(const std::vector<SlurmJob>& jobs) {
    std::vector<std::string> all;
    for (const SlurmJob& job : jobs) {
        all.push_back(job.id);
    }
    return all;
}

const ScaleRule k_rule{1, 5, 4, 120};

}  // namespace

TEST_CASE("autoscale: workers by the length of the queue, between both limits", "[server]") {
    CHECK(wanted_workers(k_rule, {0, 0}) == 1);
    CHECK(wanted_workers(k_rule, {4, 0}) == 1);
    CHECK(wanted_workers(k_rule, {5, 0}) == 2);
    CHECK(wanted_workers(k_rule, {3, 5}) == 2);
    CHECK(wanted_workers(k_rule, {100'000, 0}) == 5);
    CHECK(wanted_workers({0, 5, 4, 0}, {0, 0}) == 0);
    CHECK(wanted_workers({0, 5, 4, 0}, {-7, -9}) == 0);
    CHECK(wanted_workers({0, 5, 0, 0}, {2, 0}) == 2);
    CHECK(wanted_workers({0, 2, 1, 0}, {INT64_MAX - 1, 1}) == 2);
}

TEST_CASE("autoscale: what is missing is started at once", "[server]") {
    FleetState state;
    state.load = {12, 0};
    state.workers = {running("1_0", 50)};
    CHECK(decide(k_rule, state).start == 2);
    state.workers.push_back(waiting("2_0"));
    state.workers.push_back(waiting("2_1"));
    CHECK(decide(k_rule, state).start == 0);
}

TEST_CASE("autoscale: surplus drains when it has lasted", "[server]") {
    FleetState state;
    state.workers = {running("1_0", 900), waiting("1_1"), running("1_2", 30), running("1_3", 400)};
    state.surplus_s = 119;
    CHECK(decide(k_rule, state).drain.empty());
    state.surplus_s = 120;
    const ScaleStep step = decide(k_rule, state);
    CHECK(step.start == 0);
    CHECK(ids(step.drain) == std::vector<std::string>{"1_1", "1_2", "1_3"});
}

TEST_CASE(
    "autoscale: starts that come to nothing are tried again more and more seldom", "[server]") {
    FleetState state;
    state.load = {4, 0};
    state.failed_starts = 1;
    state.since_start_s = 29;
    const ScaleStep pause = decide(k_rule, state);
    CHECK(pause.start == 0);
    CHECK(pause.why.find("logs") != std::string::npos);
    state.since_start_s = 30;
    CHECK(decide(k_rule, state).start == 1);
    for (int failed = 1; failed < 40; ++failed) {
        CHECK(start_pause_s(failed) <= start_pause_s(failed + 1));
        CHECK(start_pause_s(failed) <= 900);
    }
    CHECK(start_pause_s(0) == 0);
}

TEST_CASE("autoscale: whatever is seen, the limits hold and nothing is both done", "[server]") {
    std::mt19937 draw(3);
    for (int round = 0; round < 3000; ++round) {
        const auto below = [&](unsigned most) {
            return static_cast<int>(draw() % most);
        };
        const int min = below(4);
        const ScaleRule rule{min, min + below(6), 1 + below(5), static_cast<double>(below(300))};
        FleetState state;
        state.load = {below(60) - 5, below(9)};
        state.surplus_s = below(400);
        for (int at = below(12); at > 0; --at) {
            const std::string id = "1_" + std::to_string(at);
            state.workers.push_back(below(2) == 0 ? waiting(id) : running(id, below(500)));
        }
        const ScaleStep step = decide(rule, state);
        CHECK((step.start == 0 || step.drain.empty()));
        const int after = static_cast<int>(state.workers.size()) + step.start -
                          static_cast<int>(step.drain.size());
        CHECK(after >= std::min(rule.min, after));
        if (step.start > 0) {
            CHECK(after <= rule.max);
        }
        if (!step.drain.empty()) {
            CHECK(after >= rule.min);
            CHECK(after == wanted_workers(rule, state.load));
        }
    }
}
