// SPDX-License-Identifier: Apache-2.0
#include "agent/budget/ledger.hpp"

#include "tests/support/catch.hpp"

using namespace kw;
using namespace kw::agent;

TEST_CASE("ledger: each limit stops before it is exceeded") {
    Budget budget{10, 2.0, 1000, 60};
    CHECK_FALSE(over_budget(budget, {9, 1.5, 900, 59}, {0.5, 100}));
    CHECK(over_budget(budget, {10, 0, 0, 0}, {}) == "budget: evaluations");
    CHECK(over_budget(budget, {0, 1.51, 0, 0}, {0.5, 0}) == "budget: usd");
    CHECK(over_budget(budget, {0, 0, 901, 0}, {0, 100}) == "budget: tokens");
    CHECK(over_budget(budget, {0, 0, 0, 60}, {}) == "budget: time");
}

TEST_CASE("ledger: an unknown price never passes a limit in money") {
    CHECK(over_budget({0, 5, 0, 0}, {}, {-1, 0}) == "budget: usd");
    CHECK_FALSE(over_budget({5, 0, 0, 0}, {}, {-1, 0}));
}

TEST_CASE("ledger: a budget without limits or with an unpriced money limit is refused") {
    CHECK(check_budget({1, 0, 0, 0}, false).ok());
    CHECK(check_budget({0, 1, 0, 0}, true).ok());
    for (const auto& result :
         {check_budget({0, 0, 0, 0}, true),
          check_budget({1, 1, 0, 0}, false),
          check_budget({-1, 0, 0, 0}, true)}) {
        REQUIRE_FALSE(result.ok());
        CHECK(result.error().code == Errc::usage);
        CHECK_FALSE(result.error().hint.empty());
    }
}
