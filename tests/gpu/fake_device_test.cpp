// SPDX-License-Identifier: Apache-2.0
// The whole path of the CUDA device against a test double of the driver, whose kernels our PTX
// interpreter runs: verdicts are real, times are those of its own clock.
#include "core/text_file.hpp"
#include "evaluator/device/cuda/toolkit.hpp"
#include "evaluator/exploits/corpus.hpp"
#include "evaluator/exploits/expectation.hpp"
#include "tests/gpu/gpu_fixture.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"
#include "tests/support/tensor_map_kernel.hpp"

#include <algorithm>

using namespace kw;
using namespace kw::test;

namespace {

const std::string k_task = "tests/exploits/tasks/scale";

bool no_toolkit() {
    const bool none = !cuda::find_toolkit().ok();
    if (none) {
        WARN("skipped: no CUDA toolkit here");
    }
    return none;
}

std::unique_ptr<Device> opened(const EvaluatorConfig& config, const std::string& id = "cuda:0") {
    auto device = open_device(id, config);
    if (!device.ok()) {
        FAIL(device.error().what << " | " << device.error().hint);
    }
    return std::move(device).value();
}

/// The task with a small timed shape: what the interpreter runs is what these tests cost.
Task small_task(std::int64_t timed = 4096) {
    Task task = task_of(k_task);
    for (Case& at : task.cases) {
        at.dims["N"] = at.timed ? timed : at.dims["N"];
    }
    return task;
}

JudgeOptions quick(bool timed) {
    JudgeOptions options;
    options.timed = timed;
    options.cap_s = 2;
    options.max_pairs = 24;
    return options;
}

Evaluation judged(const std::string& body, const std::string& conf = "", bool timed = false) {
    const FakeDriver driver(conf);
    const auto device = opened(driver.config());
    return judge_source(*device, task_of(k_task), with_body("scale", body), quick(timed));
}

constexpr const char* k_honest = "if (i < N) { y[i] = w[i] * x[i] + 1.0f; }";

bool has_rule(const Evaluation& evaluation, const std::string& rule) {
    return std::ranges::any_of(
        evaluation.findings, [&](const Finding& finding) { return finding.rule == rule; });
}

}  // namespace

TEST_CASE("gpu: an honest kernel is accepted with a measured time", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const FakeDriver driver;
    const auto device = opened(driver.config());
    CHECK(device->description().find("Fake GPU (sm_90a, 4 SMs)") != std::string::npos);
    const Task task = small_task();
    const auto naive = read_text_file(task.cuda.baselines.front().file);
    REQUIRE(naive.ok());
    const Evaluation same = judge_source(*device, task, *naive, quick(true));
    INFO(same.summary << "\n" << same.detail);
    REQUIRE(same.verdict == Verdict::accepted);
    CHECK(same.timing_kind == "measured");
    CHECK(same.protocol == "kw-time/1");
    CHECK(same.sandbox_profile.find("+gpu-nodes") != std::string::npos);
    REQUIRE(same.shapes.size() == 1);
    const ShapeTiming& shape = same.shapes.front();
    CHECK(shape.speedup.value == Approx(1.0).epsilon(0.05));
    CHECK(same.comparison == Comparison::same);
    CHECK(shape.candidate_ns > 0);
    CHECK(shape.null_ns > 0);
    CHECK(shape.hot_candidate_ns > 0);
    CHECK((shape.mode == "single" || shape.mode == "graph_8"));
    CHECK(shape.sm_mhz == 1980);
    CHECK(shape.temperature_c == 45);
    CHECK(shape.candidate_joules > 0);
    CHECK(has_rule(same, "driver-compiled"));
    CHECK(!has_rule(same, "compute-sanitizer-skipped"));
    JudgeOptions again = quick(false);
    again.independent = true;
    CHECK(has_rule(judge_source(*device, task, *naive, again), "compute-sanitizer-skipped"));

    // More work in each element is more instructions, and so a longer time by the fake's clock.
    const FakeDriver uncounted(k_no_joules);
    const auto other = opened(uncounted.config());
    const Evaluation slow = judge_source(
        *other,
        task,
        with_body(
            "scale",
            "if (i < N) { float s = 0; for (int k = 0; k < 64; ++k) { s += x[(i + k) % N]; }\n"
            "y[i] = w[i] * x[i] + 1.0f + (s == 1e30f ? 1.0f : 0.0f); }"),
        quick(true));
    INFO(slow.summary << "\n" << slow.detail);
    REQUIRE(slow.verdict == Verdict::accepted);
    CHECK(slow.comparison == Comparison::slower);
    CHECK(slow.shapes.front().candidate_joules == 0);
}

TEST_CASE("gpu: what a kernel does wrong is its verdict", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const auto verdict = [](const std::string& body) {
        return judged(body).verdict;
    };
    CHECK(verdict("if (i < N) { y[i] = w[i] * x[i]; }") == Verdict::wrong_result);
    CHECK(verdict("if (i < N - 1) { y[i] = w[i] * x[i] + 1.0f; }") == Verdict::wrong_result);
    CHECK(verdict("y[i + 1000000000000LL] = 0;") == Verdict::out_of_bounds);
    // Within the arena, but not within y: only the painted zone shows it.
    CHECK(verdict("y[i] = i < N ? w[i] * x[i] + 1.0f : 0.0f;") == Verdict::out_of_bounds);
    CHECK(
        verdict("if (i < N) { y[i] = w[i] * x[i] + 1.0f; const_cast<float*>(x)[i] = 0; }") ==
        Verdict::input_mutated);
    CHECK(
        verdict("if (i < N) { y[i] = w[i] * x[i] + 1.0f; const_cast<float*>(w)[i] = 0; }") ==
        Verdict::input_mutated);
    CHECK(verdict("__trap();") == Verdict::runtime_error);
}

TEST_CASE("gpu: a kernel that never ends is a timeout, and the next one is judged", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const FakeDriver driver;
    const auto device = opened(driver.config());
    const std::string hang =
        "//!kwright task=scale target=cuda\n"
        "//!launch fake_hang grid=1 block=32 args=(y)\n"
        "extern \"C\" __global__ void fake_hang(float* y) { y[0] = 1; }\n";
    JudgeOptions options = quick(false);
    options.cap_s = 1;
    CHECK(judge_source(*device, task_of(k_task), hang, options).verdict == Verdict::timeout);
    CHECK(
        judge_source(*device, task_of(k_task), with_body("scale", k_honest), options).verdict ==
        Verdict::accepted);
}

TEST_CASE("gpu: static and dynamic shared memory together may pass 48 KiB", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const FakeDriver driver;
    const auto device = opened(driver.config());
    const std::string source =
        "//!kwright task=scale target=cuda\n"
        "//!launch k grid=ceil_div(N, 128) block=128 smem=16384 args=(w, x, y, N)\n"
        "extern \"C\" __global__ void k(const float* w, const float* x, float* y, int N) {\n"
        "__shared__ float own[10240]; extern __shared__ float more[];\n"
        "const int i = blockIdx.x * 128 + threadIdx.x;\n"
        "own[threadIdx.x * 80] = i < N ? w[i] : 0; more[threadIdx.x] = i < N ? x[i] : 0;\n"
        "__syncthreads();\n"
        "if (i < N) { y[i] = own[threadIdx.x * 80] * more[threadIdx.x] + 1.0f; } }\n";
    const Evaluation result = judge_source(*device, task_of(k_task), source, quick(false));
    INFO(result.summary << "\n" << result.detail);
    CHECK(result.verdict == Verdict::accepted);
}

TEST_CASE("gpu: calls of a graph that share their work unequally are too fast", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const FakeDriver driver(k_no_joules);
    const auto device = opened(driver.config());
    const Task task = small_task(512);
    const Evaluation honest =
        judge_source(*device, task, with_body("scale", k_honest), quick(true));
    INFO(honest.summary << "\n" << honest.detail);
    REQUIRE(honest.verdict == Verdict::accepted);
    CHECK(honest.shapes.front().mode == "graph_8");
    CHECK(honest.shapes.front().speedup.value == Approx(1.0).epsilon(0.05));
    // All outputs are right, and every eighth call takes many times as long as the others.
    const Evaluation uneven = judge_source(
        *device,
        task,
        "//!kwright task=scale target=cuda\n"
        "//!launch tick grid=1 block=1 args=()\n"
        "//!launch k grid=ceil_div(N, 128) block=128 args=(w, x, y, N)\n"
        "__device__ int calls;\n"
        "extern \"C\" __global__ void tick() { calls = calls + 1; }\n"
        "extern \"C\" __global__ void k(const float* w, const float* x, float* y, int N) {\n"
        "const int i = blockIdx.x * 128 + threadIdx.x;\n"
        "float s = 0;\n"
        "for (int j = 0; j < 400 && calls > 24 && calls % 8 == 0; ++j) { s += x[j % N]; }\n"
        "if (i < N) { y[i] = w[i] * x[i] + 1.0f + (s == 1e30f ? 1.0f : 0.0f); } }\n",
        quick(true));
    CHECK(uneven.verdict == Verdict::too_fast);
    CHECK(uneven.summary.find("of 8 calls") != std::string::npos);
    const auto batch =
        read_text_file(std::filesystem::path(KW_SOURCE_DIR) / "tests/exploits/gpu/super_batch.cu");
    REQUIRE(batch.ok());
    const Evaluation super =
        judge_source(*device, task, exploits::without_expectation(*batch), quick(true));
    INFO(super.summary << "\n" << super.detail);
    CHECK((super.verdict == Verdict::wrong_result || super.verdict == Verdict::too_fast));
}

TEST_CASE("gpu: workspaces larger than the device are a memory limit", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const FakeDriver driver("memory_mib 16\n");
    const auto device = opened(driver.config());
    const std::string source =
        "//!kwright task=scale target=cuda\n"
        "//!workspace big=64*1024*1024\n"
        "//!launch k grid=ceil_div(N, 128) block=128 args=(w, x, y, big, N)\n"
        "extern \"C\" __global__ void k(const float* w, const float* x, float* y, float* b, int N) "
        "{\n const int i = blockIdx.x * 128 + threadIdx.x;\n"
        "if (i < N) { y[i] = w[i] * x[i] + 1.0f; } }\n";
    CHECK(
        judge_source(*device, task_of(k_task), source, quick(false)).verdict ==
        Verdict::memory_limit);
}

TEST_CASE("gpu: a launch that fails is the kernel's fault on a device that is well", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const Evaluation failed = judged(k_honest, "launch_error 719\n");
    CHECK(failed.verdict == Verdict::runtime_error);
    CHECK(failed.detail.find("CUDA_ERROR_LAUNCH_FAILED") != std::string::npos);
}

TEST_CASE("gpu: a lost device is an error of the world, and no candidate's", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const FakeDriver driver("fail cuStreamSynchronize 999\n");
    const auto device = opened(driver.config());
    const Candidate candidate =
        make_candidate("scale", with_body("scale", k_honest), "native", "cuda", "sm_90a");
    const auto result = judge(*device, task_of(k_task), candidate, quick(false));
    REQUIRE(!result.ok());
    CHECK(result.error().code == Errc::environment);
    CHECK(result.error().what.find("still answers") != std::string::npos);
    CHECK(result.error().what.find("CUDA_ERROR_UNKNOWN") != std::string::npos);
    CHECK(result.error().hint.find("nvidia-smi") != std::string::npos);
}

TEST_CASE("gpu: what keeps a device from opening is said with a remedy", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const auto problem = [](const std::string& conf, const std::string& id) {
        const FakeDriver driver(conf);
        const auto device = open_device(id, driver.config());
        REQUIRE(!device.ok());
        CHECK(device.error().code == Errc::environment);
        CHECK(!device.error().hint.empty());
        return device.error().what + " | " + device.error().hint;
    };
    using Catch::Matchers::Contains;
    CHECK_THAT(problem("fail cuInit 100\n", "cuda:0"), Contains("cuInit"));
    CHECK_THAT(problem("devices 0\n", "cuda:0"), Contains("no device"));
    CHECK_THAT(problem("compute_mode 3\n", "cuda:0"), Contains("nvidia-smi -c 0"));
    CHECK_THAT(problem("fail cuInit 304\n", "cuda:0"), Contains("nvidia-modprobe"));
    CHECK_THAT(problem("devices 2\n", "cuda:7"), Contains("there is: cuda:0 (Fake GPU, GPU-"));
    CHECK_THAT(problem("devices 2\n", "cuda:GPU-"), Contains("several"));
    CHECK_THAT(problem("", "cuda:MIG-1"), Contains("there is no device cuda:MIG-1"));
    EvaluatorConfig config = usual_config();
    config.cuda_driver = "libkw_no_such_driver.so.1";
    const auto device = open_device("cuda:0", config);
    REQUIRE(!device.ok());
    CHECK_THAT(device.error().what, Contains("libkw_no_such_driver.so.1"));
    CHECK_THAT(device.error().hint, Contains("install the NVIDIA driver"));
}

TEST_CASE("gpu: a driver older than the toolkit is an error, not a compile error", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const FakeDriver driver;
    const auto device = opened(driver.config());
    // Our own module is loaded while the device opens, so the double fails from the start.
    const FakeDriver old("fail cuModuleLoadDataEx 222\n");
    const auto refused = open_device("cuda:0", old.config());
    REQUIRE(refused.ok());  // nothing is loaded yet
    const Candidate candidate =
        make_candidate("scale", with_body("scale", k_honest), "native", "cuda", "sm_90a");
    const auto result = judge(**refused, task_of(k_task), candidate, quick(false));
    REQUIRE(!result.ok());
    CHECK(result.error().hint.find("older than the CUDA toolkit") != std::string::npos);
}

TEST_CASE("gpu: lowered clocks set pairs aside and leave the comparison open", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const FakeDriver driver(std::string(k_no_joules) + "sm_mhz 900\nslowed_by 4\n");
    const auto device = opened(driver.config());
    JudgeOptions options = quick(true);
    options.cap_s = 0.2;
    const Evaluation result =
        judge_source(*device, small_task(), with_body("scale", k_honest), options);
    REQUIRE(result.verdict == Verdict::accepted);
    CHECK(has_rule(result, "throttled"));
    CHECK(result.comparison == Comparison::unclear);
    CHECK(result.shapes.front().stop_reason == k_stop_disturbed);
}

TEST_CASE("gpu: a shape that met lowered clocks is queued again and then decided", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const FakeDriver driver(k_no_joules);
    const auto device = opened(driver.config());
    const auto slowed = std::filesystem::path(driver.library()).parent_path() / "slowed";
    bool queued = false;
    const StageObserver observer = [&](const std::string&, const std::string& text) {
        if (!queued && text.ends_with(" pair 0")) {
            write_file(slowed, "");
        }
        if (text.find("queued again") != std::string::npos) {
            queued = true;
            std::filesystem::remove(slowed);
        }
    };
    const Candidate candidate =
        make_candidate("scale", with_body("scale", k_honest), "native", "cuda", "sm_90a");
    const auto result = judge(*device, small_task(), candidate, quick(true), observer);
    REQUIRE(result.ok());
    REQUIRE(result->verdict == Verdict::accepted);
    CHECK(queued);
    CHECK(has_rule(*result, "throttled"));
    REQUIRE(result->shapes.size() == 1);
    CHECK(result->shapes.front().stop_reason != k_stop_disturbed);
    CHECK(result->comparison == Comparison::same);
}

TEST_CASE("gpu: a stream that was held too long says nothing of the kernel", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const FakeDriver driver(std::string(k_no_joules) + "hold_expires 1\n");
    const auto device = opened(driver.config());
    JudgeOptions options = quick(true);
    options.cap_s = 0.2;
    const Evaluation result =
        judge_source(*device, small_task(), with_body("scale", k_honest), options);
    REQUIRE(result.verdict == Verdict::accepted);
    CHECK(has_rule(result, "late-launch"));
    CHECK(!has_rule(result, "throttled"));
    CHECK(result.comparison == Comparison::unclear);
}

TEST_CASE("gpu: a plan with tensor maps is launched through the driver's encoding", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const std::string source = tensor_map_kernel("scale");
    const FakeDriver driver(k_no_joules);
    const auto device = opened(driver.config());
    JudgeOptions options = quick(true);
    // Copies cost the interpreter time that its clock, which counts instructions, does not see.
    options.layers = Layers{}.without(Layer::floor);
    const Task task = small_task(512);
    const Evaluation result = judge_source(*device, task, source, options);
    INFO(result.summary << "\n" << result.detail);
    CHECK(result.verdict == Verdict::accepted);
    const FakeDriver refuses("fail cuTensorMapEncodeTiled 1\n");
    const auto other = opened(refuses.config());
    const Evaluation refused = judge_source(*other, task_of(k_task), source, quick(false));
    CHECK(refused.verdict == Verdict::forbidden);
    CHECK(refused.summary.find("the driver refuses tensor map tw") != std::string::npos);
}

TEST_CASE("gpu: a MIG instance is found by any unique beginning of its UUID", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const FakeDriver driver("mig 2\n");
    const auto device = opened(driver.config(), "cuda:MIG-9");
    CHECK(device->description().find("Fake GPU MIG 1g.18gb") != std::string::npos);
    CHECK(
        judge_source(*device, task_of(k_task), with_body("scale", k_honest), quick(false))
            .verdict == Verdict::accepted);
    const auto several = open_device("cuda:MIG-", driver.config());
    REQUIRE(!several.ok());
    CHECK(several.error().what.find("several") != std::string::npos);
    CHECK(
        several.error().hint.find("cuda:MIG-80818283-8485-8687-8889-8a8b8c8d8e8f") !=
        std::string::npos);
    const auto whole =
        open_device("cuda:MIG-90919293-9495-9697-9899-9a9b9c9d9e9f", driver.config());
    CHECK(whole.ok());
    // A number is one of the whole GPUs.
    CHECK(opened(driver.config())->description().find("MIG") == std::string::npos);
}

TEST_CASE("gpu: uncorrected memory errors stop a judgement", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const FakeDriver driver("broken_memory 3\n");
    const auto device = opened(driver.config());
    const Candidate candidate =
        make_candidate("scale", with_body("scale", k_honest), "native", "cuda", "sm_90a");
    const auto result = judge(*device, task_of(k_task), candidate, quick(false));
    REQUIRE(!result.ok());
    CHECK(result.error().what.find("3 uncorrected memory errors") != std::string::npos);
}

TEST_CASE("gpu: state kept on the device between calls is caught", "[gpu]") {
    if (no_toolkit()) {
        return;
    }
    const auto corpus =
        exploits::load_corpus(std::filesystem::path(KW_SOURCE_DIR) / "tests/exploits");
    REQUIRE(corpus.ok());
    const FakeDriver driver;
    const auto device = opened(driver.config());
    int run = 0;
    for (const exploits::Fixture& fixture : corpus->fixtures) {
        // What is about caches and clocks needs a GPU: scripts/gpu-check.
        if (fixture.folder != "gpu" || fixture.expect.timed) {
            continue;
        }
        const auto report = exploits::run_fixture(*device, *corpus, fixture);
        INFO(fixture.name);
        REQUIRE(report.ok());
        INFO(report->verdict << " " << report->evidence);
        CHECK(!exploits::is_bad(report->outcome));
        ++run;
    }
    CHECK(run >= 5);
}
