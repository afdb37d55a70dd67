// SPDX-License-Identifier: Apache-2.0
// Honest kernels: accepted, timed, and everything about the measurement is in the row.
#include "core/hash.hpp"
#include "evaluator/head_to_head.hpp"
#include "tests/integration/judge/fixture.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>

using namespace kw;
using namespace kw::test;

namespace {

const char* k_plain = "for (int64_t i = 0; i < N; ++i) y[i] = w[i] * x[i] + 1.0f;";

/// `plain`, which no noise hides; or nothing, where other programs had the processors.
bool says(const Evaluation& evaluation, Comparison plain) {
    const bool disturbed = std::ranges::any_of(evaluation.shapes, [](const ShapeTiming& shape) {
        return shape.stop_reason == k_stop_disturbed;
    });
    return evaluation.comparison == (disturbed ? Comparison::unclear : plain);
}

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

TEST_CASE("judge: the commitment is the hash of the seed that is revealed", "[judge][untimed]") {
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
    CHECK(says(evaluation, Comparison::slower));
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

TEST_CASE("judge: packed weights beyond the cap are refused", "[judge][untimed]") {
    const Evaluation evaluation = judge_source(
        "size_t scale_add_prepare_size(int64_t N) { return (size_t)N * 40 + (1 << 20); }\n"
        "void scale_add_prepare(const float* w, void* packed, int64_t N) { (void)w; (void)packed; "
        "(void)N; }\n"
        "void scale_add(const float* w, const float* x, float* y, const void* packed, int64_t N) "
        "{\n"
        "(void)packed; for (int64_t i = 0; i < N; ++i) y[i] = w[i] * x[i] + 1.0f; }\n");
    CHECK(evaluation.verdict == Verdict::memory_limit);
}

TEST_CASE("judge: writing packed weights during a call is input mutated", "[judge][untimed]") {
    const Evaluation evaluation = judge_source(
        "size_t scale_add_prepare_size(int64_t N) { return (size_t)N * 4; }\n"
        "void scale_add_prepare(const float* w, void* packed, int64_t N) { "
        "__builtin_memcpy(packed, w, (size_t)N * 4); }\n"
        "void scale_add(const float* w, const float* x, float* y, const void* packed, int64_t N) "
        "{\n"
        "((float*)packed)[0] = 0; for (int64_t i = 0; i < N; ++i) y[i] = w[i] * x[i] + 1.0f; }\n");
    CHECK(evaluation.verdict == Verdict::input_mutated);
}

TEST_CASE("judge: an independent judgement shares no weights with those before it", "[judge]") {
    const Candidate candidate = make_candidate("scale_add", with_body(k_plain));
    const auto judge_with = [&](bool independent) {
        JudgeOptions options;
        options.cap_s = 0.3;
        options.hot = false;
        options.independent = independent;
        auto judged = judge(cpu_device(), scale_add(), candidate, options);
        REQUIRE(judged.ok());
        REQUIRE(judged->verdict == Verdict::accepted);
        return std::move(judged).value();
    };
    // The seed is that of the inputs, then that of the weights.
    const auto weights_of = [](const Evaluation& evaluation) {
        return evaluation.seed.substr(evaluation.seed.size() / 2);
    };
    const Evaluation first = judge_with(false);
    const Evaluation alone = judge_with(true);
    const Evaluation after = judge_with(false);
    CHECK(weights_of(alone) != weights_of(first));
    CHECK(weights_of(after) == weights_of(alone));
    CHECK(alone.seed_commitment == sha256_hex(alone.seed));
    const auto hidden = [](const Evaluation& evaluation) {
        return std::ranges::count(evaluation.cases, true, &CaseOutcome::hidden);
    };
    CHECK(hidden(first) == scale_add().hidden.count);
    CHECK(hidden(alone) == 2 * scale_add().hidden.count);
}

TEST_CASE("judge: a rival takes the place of the baseline and is as hostile", "[judge]") {
    const std::string slow =
        "for (int r = 0; r < 16; ++r) { for (int64_t i = 0; i < N; ++i) y[i] = w[i] * x[i] + 1.0f; "
        "asm volatile(\"\" ::: \"memory\"); }";
    const Candidate fast = make_candidate("scale_add", with_body(k_plain));
    const Candidate rival = make_candidate("scale_add", with_body(slow));
    const Candidate wrong = make_candidate(
        "scale_add", with_body("for (int64_t i = 0; i < N; ++i) y[i] = w[i] * x[i];"));
    JudgeOptions options;
    options.cap_s = 4;  // used up on a busy machine alone
    options.hot = false;
    const auto compared = compare_candidates(cpu_device(), scale_add(), rival, fast, options);
    REQUIRE(compared.ok());
    REQUIRE(compared->second.verdict == Verdict::accepted);
    CHECK(says(compared->second, Comparison::faster));
    CHECK(compared->second.shapes.at(0).baseline == short_id('k', rival.hash));

    const auto refused = compare_candidates(cpu_device(), scale_add(), wrong, fast, options);
    REQUIRE(refused.ok());
    CHECK(refused->first.verdict == Verdict::wrong_result);
    CHECK(refused->second.shapes.empty());
    // Honest in the check and wrong when it is timed: nobody is blamed for it but the rival.
    const Candidate liar = make_candidate(
        "scale_add",
        with_body("static int calls = 0; const float lie = ++calls > 3 ? 2.0f : 1.0f; "
                  "for (int64_t i = 0; i < N; ++i) y[i] = w[i] * x[i] + lie;"));
    options.rival = &liar;
    const auto lied = judge(cpu_device(), scale_add(), fast, options);
    REQUIRE_FALSE(lied.ok());
    CHECK(lied.error().what.find(short_id('k', liar.hash)) != std::string::npos);
}
