// SPDX-License-Identifier: Apache-2.0
#include "agent/search/strategy.hpp"

#include "tests/support/catch.hpp"
#include "tests/unit/agent/search_fakes.hpp"

using namespace kw;
using namespace kw::agent;
using kw::test::accepted;
using kw::test::add;
using kw::test::failed;
using kw::test::must;

namespace {

std::unique_ptr<Strategy> strategy(const std::string& name, int width = 2, int depth = 4) {
    return must(make_strategy(name, {width, depth}));
}

std::string parent_of(const Strategy& strategy, const History& history) {
    const auto wave = strategy.next(history);
    REQUIRE(wave);
    return wave->asks.front().parent_hash;
}

}  // namespace

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
