// SPDX-License-Identifier: Apache-2.0
// Honest kernels: accepted, timed, and everything about the measurement is in the row.
#include "core/hash.hpp"
#include "tests/integration/judge/fixture.hpp"
#include "tests/support/catch.hpp"

using namespace kw;
using namespace kw::test;

namespace {

const char* k_plain = "for (int64_t i = 0; i < N; ++i) y[i] = w[i] * x[i] + 1.0f;";

}  // namespace

TEST_CASE("judge: a timed kernel carries its samples and their circumstances", "[judge]") {
    const Evaluation evaluation = judge_source(with_body(k_plain), true);
    INFO(evaluation.summary << evaluation.detail);
    REQUIRE(evaluation.verdict == Verdict::accepted);
    REQUIRE(evaluation.shapes.size() == 1);
    const ShapeTiming& shape = evaluation.shapes.front();
    CHECK(shape.baseline == "naive");
    CHECK(shape.samples.size() >= 6);
    CHECK(shape.candidate_ns > shape.floor_ns);
    CHECK(shape.null_ns > 0);
    CHECK(evaluation.speedup.lo <= evaluation.speedup.value);
    CHECK(evaluation.speedup.value <= evaluation.speedup.hi);
    CHECK(evaluation.timing_kind == "measured");
    CHECK_FALSE(evaluation.device_hash.empty());
    CHECK_FALSE(evaluation.sandbox_profile.empty());
}

TEST_CASE("judge: the commitment is the hash of the seed that is revealed", "[judge]") {
    const Evaluation evaluation = judge_source(with_body(k_plain));
    CHECK(evaluation.seed_commitment == sha256_hex(evaluation.seed));
}

TEST_CASE("judge: a kernel that does the work ten times is slower", "[judge]") {
    const Evaluation evaluation = judge_source(
        with_body("for (int r = 0; r < 10; ++r) { for (int64_t i = 0; i < N; ++i) y[i] = w[i] * "
                  "x[i] + 1.0f; "
                  "asm volatile(\"\" ::: \"memory\"); }"),
        true);
    REQUIRE(evaluation.verdict == Verdict::accepted);
    CHECK(evaluation.comparison == Comparison::slower);
    CHECK(evaluation.speedup.hi < 1);
}

TEST_CASE("judge: packed weights are prepared apart and used", "[judge]") {
    const Evaluation evaluation = judge_source(
        "#include <string.h>\n"
        "size_t scale_add_prepare_size(int64_t N) { return (size_t)N * 4; }\n"
        "void scale_add_prepare(const float* w, void* packed, int64_t N) { memcpy(packed, w, "
        "(size_t)N * 4); }\n"
        "void scale_add(const float* w, const float* x, float* y, const void* packed, int64_t N) "
        "{\n"
        "(void)w; const float* p = (const float*)packed; for (int64_t i = 0; i < N; ++i) y[i] = "
        "p[i] * x[i] + 1.0f; }\n",
        true);
    INFO(evaluation.summary << evaluation.detail);
    REQUIRE(evaluation.verdict == Verdict::accepted);
    CHECK(evaluation.shapes.front().prepare_bytes == 262144 * 4);
}

TEST_CASE("judge: packed weights beyond the cap are refused", "[judge]") {
    const Evaluation evaluation = judge_source(
        "size_t scale_add_prepare_size(int64_t N) { return (size_t)N * 40 + (1 << 20); }\n"
        "void scale_add_prepare(const float* w, void* packed, int64_t N) { (void)w; (void)packed; "
        "(void)N; }\n"
        "void scale_add(const float* w, const float* x, float* y, const void* packed, int64_t N) "
        "{\n"
        "(void)packed; for (int64_t i = 0; i < N; ++i) y[i] = w[i] * x[i] + 1.0f; }\n");
    CHECK(evaluation.verdict == Verdict::memory_limit);
}

TEST_CASE("judge: writing packed weights during a call is input mutated", "[judge]") {
    const Evaluation evaluation = judge_source(
        "size_t scale_add_prepare_size(int64_t N) { return (size_t)N * 4; }\n"
        "void scale_add_prepare(const float* w, void* packed, int64_t N) { "
        "__builtin_memcpy(packed, w, (size_t)N * 4); }\n"
        "void scale_add(const float* w, const float* x, float* y, const void* packed, int64_t N) "
        "{\n"
        "((float*)packed)[0] = 0; for (int64_t i = 0; i < N; ++i) y[i] = w[i] * x[i] + 1.0f; }\n");
    CHECK(evaluation.verdict == Verdict::input_mutated);
}
