// SPDX-License-Identifier: Apache-2.0
// The CUDA device of a test: the machine's own GPU, or the test double of the driver.
#pragma once

#include "core/task.hpp"
#include "evaluator/evaluator.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace kw::test {

/// For a FakeDriver: no counter of joules. One judgement's, a third of a second by the double's
/// clock, takes the interpreter seconds.
inline constexpr const char* k_no_joules = "fail nvmlDeviceGetTotalEnergyConsumption 3\n";

/// A driver that behaves as `conf` says (tests/support/fake_cuda), in a folder of its own.
class FakeDriver {
public:
    explicit FakeDriver(const std::string& conf = "");
    ~FakeDriver();
    FakeDriver(const FakeDriver&) = delete;
    FakeDriver& operator=(const FakeDriver&) = delete;
    [[nodiscard]] EvaluatorConfig config() const;
    [[nodiscard]] std::string library() const { return (folder_ / "libcuda.so.1").string(); }

private:
    std::filesystem::path folder_;
};

[[nodiscard]] EvaluatorConfig usual_config();
[[nodiscard]] const Task& task_of(const std::string& folder);  ///< below the source folder
/// A kernel for scale_add or scale with this body, one thread an element in blocks of 128.
[[nodiscard]] std::string with_body(const std::string& task, const std::string& body);
[[nodiscard]] Evaluation judge_source(
    Device& device, const Task& task, const std::string& source, const JudgeOptions& options);

}  // namespace kw::test
