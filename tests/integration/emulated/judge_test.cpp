// SPDX-License-Identifier: Apache-2.0
// CUDA candidates judged on the emulated device: honest ones, and what only the second call shows.
// Wrong and hostile ones are fixtures of the exploit corpus (tests/exploits/emulated).
#include "core/hash.hpp"
#include "core/task_file.hpp"
#include "core/text_file.hpp"
#include "evaluator/device/cuda/toolkit.hpp"
#include "evaluator/evaluator.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/tensor_map_kernel.hpp"

#include <algorithm>

using namespace kw;

namespace {

/// Null without a CUDA toolkit: the case then ends with a warning that says so.
Device* device() {
    static const std::unique_ptr<Device> opened = []() -> std::unique_ptr<Device> {
        if (!cuda::find_toolkit()) {
            return nullptr;
        }
        EvaluatorConfig config;
        config.cache_dir = std::filesystem::path(KW_BINARY_DIR) / "test-cache";
        config.harness_dir = std::filesystem::path(KW_BINARY_DIR) / "bin";
        auto result = open_device("emulated:sm_90a", config);
        if (!result.ok()) {
            FAIL(result.error().what << " | " << result.error().hint);
        }
        return std::move(result).value();
    }();
    if (!opened) {
        WARN("skipped: no CUDA toolkit here");
    }
    return opened.get();
}

const Task& scale_add() {
    static const Task task = [] {
        auto loaded =
            load_task(std::filesystem::path(KW_SOURCE_DIR) / "tests/support/tasks/scale_add");
        if (!loaded.ok()) {
            FAIL(loaded.error().what);
        }
        return std::move(loaded).value();
    }();
    return task;
}

Evaluation judge_source(const std::string& source, bool timed = false) {
    JudgeOptions options;
    options.timed = timed;
    Candidate candidate = make_candidate("scale_add", source);
    auto judged = judge(*device(), scale_add(), candidate, options);
    if (!judged.ok()) {
        FAIL(judged.error().what << " | " << judged.error().hint);
    }
    return std::move(judged).value();
}

/// A kernel with this body, one thread an element in blocks of 128.
std::string with_body(const std::string& body) {
    return "//!kwright task=scale_add target=cuda\n"
           "//!launch k grid=ceil_div(N, 128) block=128 args=(w, x, y, N)\n"
           "extern \"C\" __global__ void k(const float* w, const float* x, float* y, int N) {\n"
           "    const int i = blockIdx.x * 128 + threadIdx.x;\n" +
           body + "\n}\n";
}

}  // namespace

TEST_CASE("emulated: the naive kernel is accepted with a modelled time", "[emulated]") {
    if (device() == nullptr) {
        return;
    }
    const auto source = read_text_file(scale_add().cuda.baselines.front().file);
    REQUIRE(source.ok());
    const Evaluation evaluation = judge_source(*source, true);
    INFO(evaluation.summary << "\n" << evaluation.detail);
    REQUIRE(evaluation.verdict == Verdict::accepted);
    CHECK(evaluation.timing_kind == "modelled");
    CHECK(evaluation.cases.size() >= 3);
    REQUIRE(evaluation.shapes.size() == 1);
    // Against itself, and the model has no noise.
    CHECK(evaluation.speedup.value == Approx(1.0));
    CHECK(evaluation.comparison == Comparison::same);
    // 3 MB at the bandwidth of the modelled product is a floor.
    CHECK(evaluation.shapes.front().candidate_ns > evaluation.shapes.front().floor_ns);
}

TEST_CASE("emulated: blocks that leave lanes idle are modelled as slower", "[emulated]") {
    if (device() == nullptr) {
        return;
    }
    const Evaluation evaluation = judge_source(
        "//!kwright task=scale_add target=cuda\n"
        "//!launch k grid=N block=1 args=(w, x, y)\n"
        "extern \"C\" __global__ void k(const float* w, const float* x, float* y) {\n"
        "    y[blockIdx.x] = w[blockIdx.x] * x[blockIdx.x] + 1.0f;\n}\n",
        true);
    INFO(evaluation.summary << "\n" << evaluation.detail);
    REQUIRE(evaluation.verdict == Verdict::accepted);
    CHECK(evaluation.speedup.value < 0.5);
    CHECK(evaluation.comparison == Comparison::slower);
}

TEST_CASE("emulated: work that is left out where nobody compares is too fast", "[emulated]") {
    if (device() == nullptr) {
        return;
    }
    // Shapes that are timed are too large to be run in full.
    const Evaluation evaluation = judge_source(
        with_body("    if (N > 100000) return;\n    if (i < N) y[i] = w[i] * x[i] + 1.0f;"), true);
    INFO(evaluation.summary << "\n" << evaluation.detail);
    CHECK(code(evaluation.verdict) == code(Verdict::too_fast));
    CHECK(evaluation.shapes.empty());
}

TEST_CASE("emulated: a candidate with tensor maps is judged", "[emulated]") {
    if (device() == nullptr) {
        return;
    }
    const Evaluation evaluation = judge_source(test::tensor_map_kernel("scale_add"));
    INFO(evaluation.summary << "\n" << evaluation.detail);
    CHECK(code(evaluation.verdict) == code(Verdict::accepted));
}

TEST_CASE("emulated: only the two calls of a case show some faults", "[emulated]") {
    if (device() == nullptr) {
        return;
    }
    struct Fault {
        const char* what;
        const char* body;
        Verdict verdict;
        const char* names;  ///< what the feedback must name
    };
    static const Fault k_faults[] = {
        {"order of warps",
         "    __shared__ int first;\n"
         "    if (threadIdx.x == 0) first = 0;\n"
         "    __syncthreads();\n"
         "    int rank = threadIdx.x % 32 == 0 ? atomicAdd(&first, 1) : 0;\n"
         "    rank = __shfl_sync(~0u, rank, 0);\n"
         "    if (i < N) y[i] = __int_as_float(__float_as_int(w[i] * x[i] + 1.0f) ^ (rank & 1));",
         Verdict::non_deterministic,
         ""},
        {"unwritten place",
         "    __shared__ float s[129];\n"
         "    s[threadIdx.x] = i < N ? w[i] * x[i] + 1.0f : 0;\n"
         "    __syncthreads();\n"
         "    if (i < N) y[i] = s[threadIdx.x + (i == 0 ? 128 : 0)];",
         Verdict::wrong_result,
         ":8"},
        {"bits of an unwritten place",
         "    __shared__ int s[129];\n"
         "    s[threadIdx.x] = 0;\n"
         "    __syncthreads();\n"
         "    if (i < N) y[i] = __int_as_float(__float_as_int(w[i] * x[i] + 1.0f) ^\n"
         "        (s[threadIdx.x + 1] & 1));",
         Verdict::non_deterministic,
         ":9"}};
    for (const Fault& fault : k_faults) {
        const Evaluation evaluation = judge_source(with_body(fault.body));
        INFO(fault.what << ": " << evaluation.summary << "\n" << evaluation.detail);
        CHECK(code(evaluation.verdict) == code(fault.verdict));
        CHECK((evaluation.summary + evaluation.detail).find(fault.names) != std::string::npos);
    }
}

TEST_CASE(
    "emulated: an independent judgement is built by nvcc and may meet a rival", "[emulated]") {
    if (device() == nullptr) {
        return;
    }
    if (cuda::find_toolkit()->nvcc.empty()) {
        WARN("skipped: the CUDA toolkit has no nvcc");
        return;
    }
    const std::string body = "    if (i < N) y[i] = w[i] * x[i] + 1.0f;";
    const Candidate candidate = make_candidate("scale_add", with_body(body));
    JudgeOptions options;
    options.independent = true;
    const Candidate rival = make_candidate("scale_add", with_body("    __syncthreads();\n" + body));
    options.rival = &rival;
    const auto judged = judge(*device(), scale_add(), candidate, options);
    REQUIRE(judged.ok());
    INFO(judged->summary << judged->detail);
    REQUIRE(judged->verdict == Verdict::accepted);
    CHECK(judged->build.compiler.starts_with("nvcc"));
    CHECK(judged->timing_kind == "modelled");
    CHECK(judged->shapes.at(0).baseline == short_id('k', rival.hash));
    const auto hidden = std::ranges::count(judged->cases, true, &CaseOutcome::hidden);
    CHECK(hidden > 0);
    CHECK(hidden <= 2 * scale_add().hidden.count);
}

TEST_CASE("emulated: what looks like a bug and is none is accepted with a warning", "[emulated]") {
    if (device() == nullptr) {
        return;
    }
    struct Harmless {
        const char* warning;
        const char* body;
    };
    static const Harmless k_harmless[] = {
        {"",
         "    const float v = i < N ? w[i] * x[i] + 1.0f : 0;\n"
         "    const unsigned tile = 0xFFu << (threadIdx.x & 24);\n"
         "    const float other = __shfl_xor_sync(tile, __shfl_xor_sync(tile, v, 5, 8), 5, 8);\n"
         "    if (i < N) y[i] = other;"},
        {"uninitialised read",
         "    __shared__ volatile float s[256];\n"
         "    s[threadIdx.x] = i < N ? w[i] * x[i] + 1.0f : 0;\n"
         "    __syncthreads();\n"
         "    const float beyond = s[threadIdx.x + 1];\n"
         "    if (i < N) y[i] = threadIdx.x > 127 ? beyond : s[threadIdx.x];"},
        {"shared memory race",
         "    __shared__ int most;\n"
         "    if (threadIdx.x == 0) most = 0;\n"
         "    __syncthreads();\n"
         "    int old = most, assumed;\n"
         "    do {\n"
         "        assumed = old;\n"
         "        old = atomicCAS(&most, assumed, max(assumed, (int)threadIdx.x));\n"
         "    } while (old != assumed);\n"
         "    __syncthreads();\n"
         "    if (i < N) y[i] = w[i] * x[i] + (most == 127 ? 1.0f : 0.0f);"}};
    for (const Harmless& harmless : k_harmless) {
        const Evaluation evaluation = judge_source(with_body(harmless.body));
        INFO(evaluation.summary << "\n" << evaluation.detail);
        CHECK(evaluation.verdict == Verdict::accepted);
        const std::string wanted = harmless.warning;
        const bool told = std::ranges::any_of(evaluation.findings, [&](const Finding& finding) {
            return finding.rule == wanted && finding.severity == "warning";
        });
        CHECK(told == !wanted.empty());
    }
}
