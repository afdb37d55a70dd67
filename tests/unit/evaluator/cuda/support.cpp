// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/evaluator/cuda/support.hpp"

#include "tests/support/catch.hpp"

namespace kw::test {
namespace {

Arg arg(const char* name, DType dtype, Role role, std::vector<const char*> shape) {
    Arg result;
    result.name = name;
    result.dtype = dtype;
    result.role = role;
    for (const char* axis : shape) {
        result.shape.push_back(DimExpr::parse(axis).value());
    }
    return result;
}

}  // namespace

Task gemv_task() {
    Task task;
    task.name = "w4a16_gemv";
    task.title = "4-bit weight GEMV";
    task.dims = {{"N", 1, 65536, 1, "outputs"}, {"K", 128, 65536, 128, "reduction"}};
    task.args = {
        arg("w", DType::u8, Role::weight, {"N", "K / 2"}),
        arg("s", DType::f16, Role::weight, {"N", "K / 128"}),
        arg("x", DType::f16, Role::in, {"K"}),
        arg("y", DType::f16, Role::out, {"N"})};
    return task;
}

cuda::ParsedPlan parse(const std::string& source) {
    return cuda::parse_launch_plan(source, cuda::scope_of(gemv_task()));
}

std::string problems_of(const std::string& source) {
    std::string text;
    for (const cuda::PlanProblem& problem : parse(source).problems) {
        text += cuda::show(problem, "c.cu") + "\n";
    }
    return text;
}

cuda::LaunchPlan good_plan(const std::string& source) {
    const std::string problems = problems_of(source);
    if (!problems.empty()) {
        FAIL(problems);
    }
    return parse(source).plan;
}

namespace {

Result<cuda::EvaluatedPlan> evaluate_at(
    const std::string& source, const DimMap& dims, const std::string& arch) {
    const auto sizes = cuda::buffer_sizes(gemv_task(), dims);
    REQUIRE(sizes);
    return cuda::evaluate(good_plan(source), dims, cuda::constants_of_arch(arch).value(), *sizes);
}

}  // namespace

std::string evaluate_error(const std::string& source, const DimMap& dims, const std::string& arch) {
    const auto plan = evaluate_at(source, dims, arch);
    if (!plan) {
        CHECK(plan.error().code == Errc::config);
    }
    return plan ? "no error" : plan.error().what;
}

cuda::EvaluatedPlan evaluated(
    const std::string& source, const DimMap& dims, const std::string& arch) {
    auto plan = evaluate_at(source, dims, arch);
    if (!plan) {
        FAIL(plan.error().what);
    }
    return std::move(plan).value();
}

}  // namespace kw::test
