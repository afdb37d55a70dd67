// SPDX-License-Identifier: Apache-2.0
// Tasks made by hand, a sandbox that counts, a builder with a cache of its own.
#pragma once

#include "evaluator/device/cpu/build.hpp"
#include "sandbox/sandbox.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace kw::test {

/// y[n] = a[n] + b[n]: `void add_f32(const float* a, const float* b, float* y, int64_t N)`.
Task add_task();
/// w4a16_gemv of docs/tasks.md: weights, prepare, bound tolerance.
Task gemv_task();
/// Exact integer product with verify.project, an inout and a workspace argument.
Task product_task();

/// Passes on to a real sandbox and counts the processes asked for.
class CountingSandbox : public sandbox::Sandbox {
public:
    explicit CountingSandbox(std::unique_ptr<sandbox::Sandbox> inner)
        : inner_(std::move(inner)) {}
    [[nodiscard]] const sandbox::Profile& profile() const override { return inner_->profile(); }
    Result<sandbox::Outcome> run(const sandbox::Command& command) override {
        ++runs;
        return inner_->run(command);
    }
    Result<std::unique_ptr<sandbox::Child>> start(const sandbox::Command& command) override {
        ++runs;
        return inner_->start(command);
    }
    Result<std::filesystem::path> make_run_dir(const std::string& label) override {
        return inner_->make_run_dir(label);
    }
    int runs = 0;

private:
    std::unique_ptr<sandbox::Sandbox> inner_;
};

/// A folder of its own, removed at the end.
struct TempDir {
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;
    std::filesystem::path path;
};

/// A builder whose cache of objects is empty; precompiled headers are shared between test runs,
/// because each costs seconds.
struct Workshop {
    explicit Workshop(const std::string& compiler = "g++");
    cpu::BuildOutcome build(
        const Task& task, const std::string& source, const std::string& isa = "x86-64-v3");

    TempDir cache;
    CountingSandbox sandbox;
    cpu::Builder builder;
};

std::string read_text(const std::filesystem::path& path);
/// Compares with tests/golden/<name>; with KW_UPDATE_GOLDEN=1 in the environment writes it instead.
void check_golden(const std::string& name, const std::string& text);

}  // namespace kw::test
