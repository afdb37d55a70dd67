// SPDX-License-Identifier: Apache-2.0
#include "cli/commands/compare.hpp"

#include "tests/support/catch.hpp"

using namespace kw;
using kw::cli::comparison_exit_code;

TEST_CASE("compare: only a shown regression fails, and only where it was asked for", "[cli]") {
    HeadToHead done;
    done.first.verdict = done.second.verdict = Verdict::accepted;
    for (const Comparison comparison :
         {Comparison::faster, Comparison::same, Comparison::unclear, Comparison::slower}) {
        done.second.comparison = comparison;
        CHECK(comparison_exit_code(done, false) == 0);
        CHECK(comparison_exit_code(done, true) == (comparison == Comparison::slower ? 1 : 0));
    }
}

TEST_CASE("compare: a rejected side fails whatever was asked for", "[cli]") {
    for (const bool first : {false, true}) {
        HeadToHead done;
        done.first.verdict = done.second.verdict = Verdict::accepted;
        (first ? done.first : done.second).verdict = Verdict::wrong_result;
        CHECK(comparison_exit_code(done, false) == 1);
        CHECK(comparison_exit_code(done, true) == 1);
    }
}
