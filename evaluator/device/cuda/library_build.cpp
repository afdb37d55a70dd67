// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/library_build.hpp"

namespace kw::cuda {

Result<std::unique_ptr<LibraryBuilder>> LibraryBuilder::open(const EvaluatorConfig& config) {
    std::unique_ptr<LibraryBuilder> made(new LibraryBuilder);
    KW_TRY_ASSIGN(made->sandbox_, sandbox::open_sandbox(config.sandbox_mode));
    ToolkitSearch search = usual_search();
    search.configured = config.cuda_home;
    KW_TRY_ASSIGN(Toolkit toolkit, find_toolkit(search));
    KW_TRY_ASSIGN(
        made->builder_,
        Builder::open(
            *made->sandbox_, std::move(toolkit), config.harness_dir, config.cache_dir / "build"));
    return made;
}

Result<BuildOutcome> LibraryBuilder::build(const Task& task, const Candidate& candidate) {
    BuildRequest request;
    request.source = candidate.source;
    request.arch = candidate.arch.empty() ? request.arch : candidate.arch;
    request.route = builder_->toolkit().nvcc.empty() ? Route::automatic : Route::nvcc;
    return builder_->build(task, request);
}

}  // namespace kw::cuda
