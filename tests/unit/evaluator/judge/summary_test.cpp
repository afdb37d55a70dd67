// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/summary.hpp"

#include "tests/support/catch.hpp"

using namespace kw;

namespace {

/// Forty pairs whose ratio is `ratio` exactly.
ShapeTiming timed_shape(const char* name, double ratio) {
    ShapeTiming shape;
    shape.case_name = std::string(name);
    shape.stop_reason = std::string("decided");
    for (std::uint8_t i = 0; i < 40; ++i) {
        shape.samples.push_back(
            {1000 * ratio,
             1000,
             static_cast<std::uint8_t>(i % 3),
             static_cast<std::uint8_t>(i % 2)});
    }
    shape.candidate_ns = 1000;
    shape.baseline_ns = 1000 * ratio;
    shape.naive_ns = 4000;
    shape.sol = 0.5;
    shape.speedup = {ratio, ratio, ratio};
    shape.comparison = Comparison::faster;
    return shape;
}

}  // namespace

TEST_CASE("summary: a shape that met only other programs leaves the whole unclear", "[judge]") {
    Evaluation evaluation;
    evaluation.shapes = {timed_shape("a", 2.0), timed_shape("b", 2.0)};
    cpu::summarise_accepted(evaluation, 0.005);
    CHECK(evaluation.comparison == Comparison::faster);
    CHECK(evaluation.speedup.value == Approx(2));

    evaluation.shapes[1].stop_reason = std::string(k_stop_disturbed);
    cpu::summarise_accepted(evaluation, 0.005);
    CHECK(evaluation.comparison == Comparison::unclear);
    CHECK(evaluation.summary.find("other programs disturbed") != std::string::npos);
}

TEST_CASE("summary: an interval beyond 1 that decides nothing says what is missing", "[judge]") {
    ShapeTiming shape = timed_shape("a", 1.065);
    shape.samples.clear();  // then it counts by its speed-up
    shape.speedup = {1.065, 1.004, 1.12};
    Evaluation evaluation;
    evaluation.shapes = {shape};
    cpu::summarise_accepted(evaluation, 0.005);
    REQUIRE(evaluation.comparison == Comparison::unclear);
    REQUIRE(evaluation.speedup.lo > 1);
    CHECK(evaluation.summary.find("probably faster") != std::string::npos);

    evaluation.shapes[0].speedup = {0.17, 0.16, 0.31};
    evaluation.shapes[0].stop_reason = std::string(k_stop_disturbed);
    cpu::summarise_accepted(evaluation, 0.005);
    REQUIRE(evaluation.comparison == Comparison::unclear);
    CHECK(evaluation.summary.find("probably slower") != std::string::npos);
    CHECK(evaluation.summary.find("other programs disturbed") != std::string::npos);
}

TEST_CASE("summary: the figures of a shape come from its samples alone", "[judge]") {
    stats::PairedTest test;
    for (std::uint8_t i = 0; i < 40; ++i) {
        test.add({3000, 1000, static_cast<std::uint8_t>(i % 3), static_cast<std::uint8_t>(i % 2)});
    }
    test.finish();
    ShapeTiming shape;
    cpu::summarise_shape(test, {4, 500, 2000}, shape);
    CHECK(shape.candidate_ns == 1000);
    CHECK(shape.baseline_ns == 3000);
    CHECK(shape.naive_ns == 12000);
    CHECK(shape.sol == Approx(0.5));
    CHECK(shape.gb_per_s == Approx(2));
    CHECK(shape.comparison == Comparison::faster);
    CHECK(shape.samples.size() == 40);
    shape.stop_reason = std::string(k_stop_disturbed);
    cpu::summarise_shape(test, {4, 500, 2000}, shape);
    CHECK(shape.comparison == Comparison::unclear);
}

TEST_CASE("summary: a time below the shape's floor is too fast, at it is not", "[judge]") {
    ShapeTiming shape;
    shape.candidate_ns = 1000;
    shape.floor_ns = 1000;
    CHECK(!cpu::below_floor(Task{}, shape));
    shape.floor_ns = 1001;
    const auto rejected = cpu::below_floor(Task{}, shape);
    REQUIRE(rejected);
    CHECK(rejected->verdict == Verdict::too_fast);
    CHECK(rejected->summary.find("1.00 us") != std::string::npos);
}
