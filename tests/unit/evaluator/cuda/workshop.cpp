// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/evaluator/cuda/workshop.hpp"

#include <cstdlib>

namespace kw::test {

namespace fs = std::filesystem;

Task copy_task() {
    Task task;
    task.name = "copy";
    task.title = "copy";
    task.dims = {{"N", 1, 65536, 1, "elements"}};
    for (const char* name : {"x", "y"}) {
        Arg arg;
        arg.name = name;
        arg.dtype = DType::f32;
        arg.role = std::string(name) == "x" ? Role::in : Role::out;
        arg.shape = {DimExpr::parse("N").value()};
        task.args.push_back(std::move(arg));
    }
    return task;
}

std::unique_ptr<CudaWorkshop> CudaWorkshop::open() {
    auto toolkit = cuda::find_toolkit();
    if (!toolkit) {
        WARN("skipped: " << toolkit.error().what);
        return nullptr;
    }
    if (toolkit->nvrtc.empty() || toolkit->nvcc.empty() || toolkit->ptxas.empty()) {
        WARN("skipped: the toolkit " << toolkit->root << " lacks NVRTC, nvcc or ptxas");
        return nullptr;
    }
    std::unique_ptr<CudaWorkshop> shop(new CudaWorkshop());
    std::string pattern = (fs::temp_directory_path() / "kw-cuda-test-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    shop->cache_ = pattern;
    auto box = sandbox::open_sandbox("auto");
    if (!box) {
        FAIL(box.error().what << " - " << box.error().hint);
    }
    shop->sandbox_ = std::move(box).value();
    auto builder = cuda::Builder::open(
        *shop->sandbox_, std::move(toolkit).value(), fs::path(KW_BINARY_DIR) / "bin", shop->cache_);
    if (!builder) {
        FAIL(builder.error().what << " - " << builder.error().hint);
    }
    shop->builder_ = std::move(builder).value();
    return shop;
}

CudaWorkshop::~CudaWorkshop() {
    std::error_code ignored;
    fs::remove_all(cache_, ignored);
}

const std::string& CudaWorkshop::head() {
    static const std::string text =
        "//!kwright task=copy target=cuda arch=sm_90a\n"
        "//!launch k grid=ceil_div(N,256) block=256 args=(x, y, N)\n";
    return text;
}

cuda::BuildOutcome CudaWorkshop::build(
    const std::string& body, cuda::Route route, const Task& task) {
    cuda::BuildRequest request;
    request.source = head() + body;
    request.route = route;
    request.limits = limits;
    auto outcome = builder_->build(task, request);
    if (!outcome) {
        FAIL(outcome.error().what << " - " << outcome.error().hint);
    }
    return std::move(outcome).value();
}

std::string everything(const cuda::BuildOutcome& outcome) {
    std::string text = outcome.summary + outcome.detail + outcome.facts.diagnostics +
                       outcome.facts.command + outcome.facts.compiler;
    for (const Finding& finding : outcome.findings) {
        text += finding.evidence;
    }
    return text;
}

bool has_finding(const cuda::BuildOutcome& outcome, const std::string& rule) {
    return std::any_of(
        outcome.findings.begin(), outcome.findings.end(), [&](const Finding& finding) {
            return finding.rule == rule;
        });
}

}  // namespace kw::test
