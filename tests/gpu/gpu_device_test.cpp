// SPDX-License-Identifier: Apache-2.0
// The CUDA device on the machine's own GPU. Without one every case says why it checks nothing.
#include "core/text_file.hpp"
#include "evaluator/device/cuda/gpu_nodes.hpp"
#include "evaluator/exploits/corpus.hpp"
#include "tests/gpu/gpu_fixture.hpp"
#include "tests/support/catch.hpp"

using namespace kw;
using namespace kw::test;

namespace {

const std::string k_task = "tests/exploits/tasks/scale";

/// Null without a GPU. One that is there and does not open is a failure.
Device* device() {
    static const std::unique_ptr<Device> opened = []() -> std::unique_ptr<Device> {
        if (cuda::gpu_device_nodes().empty()) {
            return nullptr;
        }
        auto result = open_device("cuda:0", usual_config());
        if (!result.ok()) {
            FAIL(result.error().what << " | " << result.error().hint);
        }
        return std::move(result).value();
    }();
    if (!opened) {
        WARN("skipped: no /dev/nvidia* here");
    }
    return opened.get();
}

JudgeOptions options(bool timed) {
    JudgeOptions chosen;
    chosen.timed = timed;
    chosen.cap_s = 5;
    return chosen;
}

}  // namespace

TEST_CASE("gpu: the naive kernel of every CUDA task is accepted and as fast as itself", "[gpu]") {
    if (device() == nullptr) {
        return;
    }
    for (const char* name :
         {"w4a16_gemv", "w8a8_gemm", "w2a8_gemm", "q4_0_gemv", "nf4_codec", "rmsnorm_quant"}) {
        const Task& task = task_of(std::string("benchmarks/") + name);
        const auto naive = read_text_file(task.cuda.baselines.front().file);
        REQUIRE(naive.ok());
        const Evaluation result = judge_source(*device(), task, *naive, options(true));
        INFO(name << ": " << result.summary << "\n" << result.detail);
        REQUIRE(result.verdict == Verdict::accepted);
        CHECK(result.comparison != Comparison::faster);
        for (const ShapeTiming& shape : result.shapes) {
            CHECK(shape.candidate_ns >= shape.floor_ns);
            CHECK(shape.baseline_ns > 0);
        }
    }
}

TEST_CASE("gpu: faults and hangs of a kernel leave the device well", "[gpu]") {
    if (device() == nullptr) {
        return;
    }
    const Task& task = task_of(k_task);
    const auto verdict = [&](const std::string& body) {
        return judge_source(*device(), task, with_body("scale", body), options(false)).verdict;
    };
    CHECK(verdict("y[i + 1000000000000LL] = 0;") == Verdict::out_of_bounds);
    CHECK(verdict("__trap();") == Verdict::runtime_error);
    CHECK(verdict("while (true) { __nanosleep(100); }") == Verdict::timeout);
    CHECK(verdict("if (i < N) { y[i] = w[i] * x[i] + 1.0f; }") == Verdict::accepted);
}

TEST_CASE("gpu: the attacks that need a GPU are stopped as they say", "[gpu]") {
    if (device() == nullptr) {
        return;
    }
    const auto corpus =
        exploits::load_corpus(std::filesystem::path(KW_SOURCE_DIR) / "tests/exploits");
    REQUIRE(corpus.ok());
    for (const exploits::Fixture& fixture : corpus->fixtures) {
        if (fixture.folder == "gpu") {
            const auto report = exploits::run_fixture(*device(), *corpus, fixture);
            INFO(fixture.name);
            REQUIRE(report.ok());
            INFO(report->verdict << " " << report->evidence);
            CHECK(!exploits::is_bad(report->outcome));
        }
    }
}
