// SPDX-License-Identifier: Apache-2.0
#include "tests/gpu/gpu_fixture.hpp"

#include "core/candidate.hpp"
#include "core/task_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <unistd.h>

#include <cstdlib>
#include <map>

namespace kw::test {

namespace fs = std::filesystem;

namespace {

/// A bundle of scripts/gpu-bundle lies elsewhere than where it was built.
fs::path place(const char* variable, const char* built) {
    const char* moved = std::getenv(variable);
    return moved == nullptr ? built : moved;
}

}  // namespace

FakeDriver::FakeDriver(const std::string& conf) {
    std::string name = (fs::temp_directory_path() / "kw-fake-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder_ = name;
    fs::permissions(folder_, static_cast<fs::perms>(0755));
    fs::copy_file(KW_FAKE_CUDA, library());
    fs::permissions(library(), static_cast<fs::perms>(0755));
    write_file(folder_ / "fake.conf", conf);
    fs::permissions(folder_ / "fake.conf", static_cast<fs::perms>(0644));
}

FakeDriver::~FakeDriver() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

EvaluatorConfig FakeDriver::config() const {
    EvaluatorConfig config = usual_config();
    config.cuda_driver = library();
    return config;
}

EvaluatorConfig usual_config() {
    EvaluatorConfig config;
    const fs::path built = place("KW_TEST_BINARY", KW_BINARY_DIR);
    config.cache_dir = built / "test-cache";
    config.harness_dir = built / "bin";
    return config;
}

const Task& task_of(const std::string& folder) {
    static std::map<std::string, Task> tasks;
    const auto found = tasks.find(folder);
    if (found != tasks.end()) {
        return found->second;
    }
    auto loaded = load_task(place("KW_TEST_SOURCE", KW_SOURCE_DIR) / folder);
    if (!loaded.ok()) {
        FAIL(loaded.error().what);
    }
    return tasks.emplace(folder, std::move(loaded).value()).first->second;
}

std::string with_body(const std::string& task, const std::string& body) {
    return "//!kwright task=" + task +
           " target=cuda\n"
           "//!launch k grid=ceil_div(N, 128) block=128 args=(w, x, y, N)\n"
           "extern \"C\" __global__ void k(const float* w, const float* x, float* y, int N) {\n"
           "    const int i = blockIdx.x * 128 + threadIdx.x;\n" +
           body + "\n}\n";
}

Evaluation judge_source(
    Device& device, const Task& task, const std::string& source, const JudgeOptions& options) {
    const Candidate candidate = make_candidate(task.name, source, "native", "cuda", "sm_90a");
    auto judged = judge(device, task, candidate, options);
    if (!judged.ok()) {
        FAIL(judged.error().what << " | " << judged.error().hint);
    }
    return std::move(judged).value();
}

}  // namespace kw::test
