// SPDX-License-Identifier: Apache-2.0
#include "agent/budget/ledger.hpp"

#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <limits>
#include <random>

using namespace kw;
using namespace kw::agent;
using kw::test::must;

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

TEST_CASE("ledger: a judgement reserves its cap of the device time") {
    Budget budget;
    budget.max_evals = 0;
    budget.max_device_seconds = 30;
    Spend spend;
    spend.device_seconds = 20;
    CHECK_FALSE(over_budget(budget, spend, {0, 0, 10}));
    CHECK(over_budget(budget, spend, {0, 0, 10.5}) == "budget: device time");
    CHECK(check_budget(budget, false).ok());
    budget.max_device_seconds = -1;
    CHECK_FALSE(check_budget(budget, false).ok());
}

TEST_CASE("ledger: what a hostile file counts can be added up") {
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    ModelCallRow call;
    call.state = "settled";
    call.tokens_in = most;
    call.tokens_out = most;
    std::int64_t sum = 0;
    for (int i = 0; i < 1'000'000; ++i) {
        sum += charged_tokens(call);
    }
    CHECK(sum == 1'000'000 * (std::int64_t{1} << 41));
    call.tokens_in = std::numeric_limits<std::int64_t>::min();
    call.tokens_out = 7;
    CHECK(charged_tokens(call) == 7);
    call.state = "lost";
    call.reserved_tokens = -most;
    CHECK(charged_tokens(call) == 0);
}

namespace {

struct Book {
    Book()
        : store(must(db::Store::open(dir / "k.db", db::Access::write))) {
        CampaignRow row;
        row.name = "c";
        row.task = "t";
        id = must(store.create_campaign(row)).id;
    }
    std::unique_ptr<Ledger> open(const Budget& budget) {
        return must(Ledger::open(store, clock, id, budget));
    }
    test::TempDir dir;
    test::FakeClock clock;
    db::Store store;
    std::int64_t id = 0;
};

PlannedCall call_of(double usd, std::int64_t tokens) {
    PlannedCall call;
    call.model = "m";
    call.worst = {usd, tokens, 0};
    return call;
}

}  // namespace

TEST_CASE("ledger: of several calls those at the front are reserved that fit") {
    Book book;
    const auto ledger = book.open({0, 1.0, 0, 0});
    const auto reserved =
        must(ledger->reserve({call_of(0.4, 1), call_of(0.4, 1), call_of(0.4, 1), call_of(0.1, 1)}));
    CHECK(reserved.ids.size() == 2);
    CHECK(reserved.refused == "budget: usd");
    CHECK(ledger->totals().reserved_usd == Approx(0.8));
    must(ledger->settle(reserved.ids[0], {10, 0, 5, 0.1}, nullptr));
    must(ledger->lose(reserved.ids[1]));
    const auto totals = ledger->totals();
    CHECK(totals.usd == Approx(0.5));
    CHECK(totals.reserved_usd == 0);
    CHECK(totals.tokens == 16);
    CHECK(totals.lost == 1);
    CHECK(must(ledger->reserve({call_of(0.5, 1)})).ids.size() == 1);
}

TEST_CASE("ledger: calls in flight are lost when it is opened again and cost what was reserved") {
    Book book;
    {
        const auto ledger = book.open({0, 1.0, 0, 0});
        const auto reserved = must(ledger->reserve({call_of(0.4, 9), call_of(0.3, 9)}));
        must(ledger->settle(reserved.ids[1], {1, 0, 1, 0.05}, nullptr));
    }
    for (int again = 0; again < 2; ++again) {
        const auto ledger = book.open({0, 1.0, 0, 0});
        CHECK(ledger->totals().usd == Approx(0.45));
        CHECK(ledger->totals().tokens == 11);
        CHECK(ledger->totals().lost == 1);
    }
}

TEST_CASE("ledger: whatever is reserved settled and lost in between no limit is passed") {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        INFO("seed " << seed);
        std::minstd_rand random(seed);
        Book book;
        const Budget budget{0, 2.0, 3000, 0};
        auto ledger = book.open(budget);
        std::vector<std::pair<std::int64_t, double>> open;
        bool refused = false;
        for (int i = 0; i < 60; ++i) {
            const double usd = static_cast<double>(random() % 30) / 100;
            switch (random() % 5) {
                case 0:
                case 1: {
                    const auto got = must(ledger->reserve({call_of(usd, 50), call_of(usd, 90)}));
                    refused = refused || got.refused;
                    for (const std::int64_t id : got.ids) {
                        open.emplace_back(id, usd);
                    }
                    break;
                }
                case 2:
                    if (!open.empty()) {
                        const auto [id, worst] = open.back();
                        open.pop_back();
                        must(ledger->settle(id, {20, 5, 20, worst * 0.7}, nullptr));
                    }
                    break;
                case 3:
                    if (!open.empty()) {
                        must(ledger->lose(open.back().first));
                        open.pop_back();
                    }
                    break;
                default:
                    if (random() % 4 == 0) {  // the process dies
                        open.clear();
                        ledger = book.open(budget);
                    }
            }
            const auto totals = ledger->totals();
            REQUIRE(totals.usd + totals.reserved_usd <= budget.max_usd + 1e-9);
            REQUIRE(totals.tokens + totals.reserved_tokens <= budget.max_tokens);
        }
        CHECK(refused);
    }
}
