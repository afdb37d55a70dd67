// SPDX-License-Identifier: Apache-2.0
// A builder in a real sandbox with an empty cache, where the machine has a toolkit.
#pragma once

#include "evaluator/device/cuda/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/cuda/support.hpp"

#include <filesystem>
#include <memory>
#include <optional>

namespace kw::test {

/// y[i] = x[i], so small that it only tests the way.
Task copy_task();

class CudaWorkshop {
public:
    /// Nothing, and a warning that says why, when the toolkit is absent.
    static std::unique_ptr<CudaWorkshop> open();
    ~CudaWorkshop();
    CudaWorkshop(const CudaWorkshop&) = delete;
    CudaWorkshop& operator=(const CudaWorkshop&) = delete;

    cuda::BuildOutcome build(
        const std::string& body,
        cuda::Route route = cuda::Route::automatic,
        const Task& task = copy_task());
    /// Of every build from now on.
    sandbox::Limits limits = cuda::build_limits();
    /// The two lines that stand before every body.
    static const std::string& head();
    [[nodiscard]] const std::filesystem::path& cache() const { return cache_; }
    cuda::Builder& builder() { return *builder_; }

private:
    CudaWorkshop() = default;
    std::filesystem::path cache_;
    std::unique_ptr<sandbox::Sandbox> sandbox_;
    std::unique_ptr<cuda::Builder> builder_;
};

/// Everything that a person or a model would be shown.
std::string everything(const cuda::BuildOutcome& outcome);
bool has_finding(const cuda::BuildOutcome& outcome, const std::string& rule);

}  // namespace kw::test

/// Ends the test case where there is no toolkit.
#define KW_WORKSHOP_OR_SKIP(name)                     \
    const auto name = kw::test::CudaWorkshop::open(); \
    if (name == nullptr) {                            \
        return;                                       \
    }
