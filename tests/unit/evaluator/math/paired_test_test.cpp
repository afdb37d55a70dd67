// SPDX-License-Identifier: Apache-2.0
#include "evaluator/paired_test.hpp"

#include "core/check.hpp"
#include "tests/support/catch.hpp"

#include <cmath>

using namespace kw;
using namespace kw::stats;

TEST_CASE("paired test: a decision waits for the placements it needs", "[stats]") {
    PairedTestOptions options;
    options.min_placements = 2;
    PairedTest test(options);
    for (int i = 0; i < 60; ++i) {
        test.add({200.0 + i % 7, 100, 0, static_cast<std::uint8_t>(i % 2)});
    }
    CHECK(test.state() == PairedState::undecided);
    for (int i = 0; i < 24; ++i) {
        test.add({200.0 + i % 7, 100, 1, static_cast<std::uint8_t>(i % 2)});
    }
    CHECK(test.comparison() == Comparison::faster);
}

TEST_CASE("paired test: plain differences stop at the first look and stay decided", "[stats]") {
    PairedTest test;
    for (int i = 0; i < 23; ++i) {
        test.add({100, 200.0 + i % 5, 0, 0});
        CHECK(test.state() == PairedState::undecided);
    }
    test.add({100, 200, 0, 0});
    REQUIRE(test.state() == PairedState::decided);
    CHECK(test.comparison() == Comparison::slower);
    for (int i = 0; i < 100; ++i) {
        test.add({400, 100, 0, 0});
    }
    CHECK(test.comparison() == Comparison::slower);
    CHECK(test.samples().size() == 124);
}

TEST_CASE("paired test: when the time is up what is left of the budget is used", "[stats]") {
    PairedTest few;
    for (int i = 0; i < 12; ++i) {
        few.add({300.0 + i % 3, 200, 0, static_cast<std::uint8_t>(i % 2)});
    }
    few.finish();
    CHECK(few.state() == PairedState::decided);
    CHECK(few.comparison() == Comparison::faster);

    PairedTest too_few;
    for (int i = 0; i < 5; ++i) {
        too_few.add({300, 200, 0, 0});
    }
    too_few.finish();
    CHECK(too_few.state() == PairedState::exhausted);
    CHECK(too_few.comparison() == Comparison::unclear);

    PairedTest none;
    none.finish();
    CHECK(none.state() == PairedState::exhausted);
    CHECK(none.ratio() == Ratio{});
}

TEST_CASE("paired test: half of the pairs ruined on one side cannot decide", "[stats]") {
    PairedTest test;
    for (int i = 0; test.state() == PairedState::undecided; ++i) {
        const double pause = i % 2 == 0 ? 1000.0 : 1.0;
        test.add({100 * pause, 100 + 0.1 * (i % 5), 0, static_cast<std::uint8_t>((i / 2) % 2)});
    }
    CHECK(test.comparison() != Comparison::slower);
    CHECK(test.comparison() != Comparison::faster);
}

TEST_CASE("paired test: times of nothing are not a reason to fail", "[stats]") {
    PairedTest test;
    for (int i = 0; i < 30; ++i) {
        test.add({100, i % 2 == 0 ? 0.0 : -3.0, 0, 0});
    }
    CHECK(test.comparison() == Comparison::faster);
    CHECK(std::isfinite(test.ratio().value));
    CHECK_THROWS_AS(test.add({std::nan(""), 1, 0, 0}), BugError);
}
