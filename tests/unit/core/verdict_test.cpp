// SPDX-License-Identifier: Apache-2.0
#include "core/verdict.hpp"

#include "core/result.hpp"
#include "tests/unit/core/support.hpp"

#include <set>

using namespace kw;

TEST_CASE("verdict: every code is two letters and leads back to its verdict", "[core]") {
    std::set<std::string_view> codes;
    std::set<std::string_view> names;
    for (int i = 0; i < k_verdict_count; ++i) {
        const auto verdict = static_cast<Verdict>(i);
        CHECK(code(verdict).size() == 2);
        CHECK(verdict_from_code(code(verdict)) == verdict);
        codes.insert(code(verdict));
        names.insert(name(verdict));
    }
    CHECK(codes.size() == static_cast<std::size_t>(k_verdict_count));
    CHECK(names.size() == static_cast<std::size_t>(k_verdict_count));
    CHECK_FALSE(verdict_from_code("ac"));
    CHECK_FALSE(verdict_from_code(""));
}

TEST_CASE("verdict: no failure has come as far as an accepted candidate", "[core]") {
    for (int i = 0; i < k_verdict_count; ++i) {
        const auto verdict = static_cast<Verdict>(i);
        CHECK(progress(verdict) >= 0);
        CHECK((verdict == Verdict::accepted || progress(verdict) < progress(Verdict::accepted)));
    }
    CHECK(progress(Verdict::compile_error) < progress(Verdict::runtime_error));
    CHECK(progress(Verdict::runtime_error) < progress(Verdict::wrong_result));
    // A cheat must not look nearly done to the search.
    CHECK(progress(Verdict::too_fast) < progress(Verdict::compile_error));
    CHECK(progress(Verdict::sandbox_violation) < progress(Verdict::compile_error));
}

TEST_CASE("verdict: comparisons lead back to themselves", "[core]") {
    for (const Comparison comparison :
         {Comparison::faster, Comparison::slower, Comparison::same, Comparison::unclear}) {
        CHECK(comparison_from_name(name(comparison)) == comparison);
    }
    CHECK_FALSE(comparison_from_name("quicker"));
}

TEST_CASE("result: exit codes are the documented ones", "[core]") {
    CHECK(exit_code(Errc::no) == 1);
    CHECK(exit_code(Errc::usage) == 2);
    CHECK(exit_code(Errc::config) == 2);
    CHECK(exit_code(Errc::environment) == 3);
    CHECK(exit_code(Errc::model) == 4);
    CHECK(exit_code(Errc::database) == 5);
    CHECK(exit_code(Errc::interrupted) == 130);
}

TEST_CASE("result: reading the wrong side is a broken invariant", "[core]") {
    const Result<int> value = 3;
    const Result<int> error = Error{Errc::environment, "opening x: it is gone", ""};
    CHECK(value.ok());
    CHECK(*value == 3);
    CHECK(error.error().what == "opening x: it is gone");
    CHECK_THROWS_AS(static_cast<void>(value.error()), BugError);
    CHECK_THROWS_AS(static_cast<void>(error.value()), BugError);
}

TEST_CASE("result: KW_TRY_ASSIGN passes values on and errors out", "[core]") {
    const auto twice = [](Result<int> given) -> Result<int> {
        KW_TRY_ASSIGN(const int value, std::move(given));
        return 2 * value;
    };
    CHECK(*twice(4) == 8);
    CHECK(twice(Error{Errc::model, "asking", ""}).error().code == Errc::model);
}
