// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/judge/fixture.hpp"

#include "core/task_file.hpp"
#include "tests/support/catch.hpp"

namespace kw::test {

Device& cpu_device() {
    static const std::unique_ptr<Device> device = [] {
        EvaluatorConfig config;
        config.cache_dir = std::filesystem::path(KW_BINARY_DIR) / "test-cache";
        config.harness_dir = std::filesystem::path(KW_BINARY_DIR) / "bin";
        auto opened = open_cpu_device(config);
        if (!opened.ok()) {
            FAIL(opened.error().what << " | " << opened.error().hint);
        }
        return std::move(opened).value();
    }();
    return *device;
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

std::string with_body(const std::string& body, const std::string& before) {
    return before +
           "\nvoid scale_add(const float* w, const float* x, float* y, const void* packed, int64_t "
           "N) {\n"
           "(void)packed;\n" +
           body + "\n}\n";
}

Evaluation judge_source(const std::string& source, bool timed) {
    JudgeOptions options;
    options.timed = timed;
    const Candidate candidate = make_candidate("scale_add", source);
    auto judged = judge(cpu_device(), scale_add(), candidate, options);
    if (!judged.ok()) {
        FAIL(judged.error().what << " | " << judged.error().hint);
    }
    INFO(judged->summary);
    return std::move(judged).value();
}

}  // namespace kw::test
