// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/set_aside.hpp"

#include "tests/support/catch.hpp"

using namespace kw;

namespace {

/// `quiet` undisturbed and `busy` disturbed pairs, then settled.
struct Story {
    Story(int quiet, int busy) {
        for (int i = 0; i < quiet + busy; ++i) {
            aside.add({2000, 1000, static_cast<std::uint8_t>(i % 3), 0}, i >= quiet, test);
        }
        stands = aside.settle(test);
    }
    stats::PairedTest test;
    cpu::SetAside aside;
    bool stands = false;
};

}  // namespace

TEST_CASE("set aside: undisturbed pairs alone are what counts", "[judge]") {
    const Story quiet(40, 0);
    CHECK(quiet.stands);
    CHECK(quiet.aside.count() == 0);
    CHECK(quiet.test.samples().size() == 40);
    const Story mixed(40, 30);
    CHECK(mixed.stands);
    CHECK(mixed.aside.count() == 30);
    CHECK(mixed.test.samples().size() == 40);
}

TEST_CASE("set aside: with hardly any others nothing is decided", "[judge]") {
    const Story few(5, 30);
    CHECK_FALSE(few.stands);
    CHECK(few.test.samples().size() == 35);
    const Story rare(10, 91);
    CHECK_FALSE(rare.stands);
    CHECK(rare.test.samples().size() == 10);
    CHECK(Story(10, 90).stands);
}

TEST_CASE("set aside: few pairs are no sign of other programs", "[judge]") {
    CHECK(Story(3, 0).stands);
    CHECK(Story(0, 0).stands);
}
