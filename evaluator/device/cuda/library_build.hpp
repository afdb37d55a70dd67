// SPDX-License-Identifier: Apache-2.0
// A CUDA kernel's code for a library, without a device: as the judge builds it.
#pragma once

#include "core/candidate.hpp"
#include "evaluator/device/cuda/build.hpp"
#include "evaluator/evaluator.hpp"

#include <memory>

namespace kw::cuda {

class LibraryBuilder {
public:
    /// Errors: no CUDA toolkit, no sandbox.
    static Result<std::unique_ptr<LibraryBuilder>> open(const EvaluatorConfig& config);

    /// By nvcc where the toolkit has it: what is promoted is built so.
    Result<BuildOutcome> build(const Task& task, const Candidate& candidate);

private:
    LibraryBuilder() = default;
    std::unique_ptr<sandbox::Sandbox> sandbox_;
    std::unique_ptr<Builder> builder_;
};

}  // namespace kw::cuda
