// SPDX-License-Identifier: Apache-2.0
// The directives of a CUDA source, and its first line as an expression over dimensions.
#include "evaluator/device/cuda/launch_plan.hpp"

#include "core/check.hpp"
#include "tests/fuzz/target.hpp"

namespace kw::fuzz {
namespace {

const DimMap& dims() {
    static const DimMap values = {{"N", 4096}, {"K", 256}};
    return values;
}

void expression(std::string_view text) {
    const auto parsed = DimExpr::parse(text);
    if (!parsed) {
        KW_CHECK(!parsed.error().what.empty());
        return;
    }
    const auto value = parsed->eval(dims());
    const auto again = DimExpr::parse(parsed->text());
    KW_CHECK(again.ok());
    const auto same = again->eval(dims());
    KW_CHECK(same.ok() == value.ok() && (!value.ok() || *same == *value));
    KW_CHECK(!parsed->to_c().empty());
    KW_CHECK(parsed->names() == again->names());
}

/// A kernel that takes what the launch gives it.
cuda::KernelSignature kernel_for(const cuda::EvaluatedLaunch& launch) {
    cuda::KernelSignature kernel;
    kernel.name = launch.kernel;
    for (const cuda::EvaluatedArg& arg : launch.args) {
        using Kind = cuda::LaunchArg::Kind;
        cuda::KernelParameter parameter;
        const bool map = arg.kind == Kind::tensormap;
        parameter.type = map                         ? "b8"
                         : arg.kind == Kind::real    ? "f32"
                         : arg.kind == Kind::pointer ? "u64"
                                                     : "u32";
        parameter.bytes = map ? 128 : arg.kind == Kind::pointer ? 8 : 4;
        parameter.align = map ? 64 : parameter.bytes;
        parameter.count = map ? 128 : 0;
        kernel.parameters.push_back(std::move(parameter));
    }
    return kernel;
}

}  // namespace

void launch_plan(std::string_view bytes) {
    expression(bytes.substr(0, bytes.find('\n')));
    static const cuda::PlanScope scope{{"N", "K"}, {"w", "s", "x", "y"}};
    static const cuda::BufferSizes sizes = {
        {"w", 4096 * 128}, {"s", 4096 * 4}, {"x", 512}, {"y", 8192}};
    const cuda::ParsedPlan parsed = cuda::parse_launch_plan(bytes, scope);
    for (const cuda::PlanProblem& problem : parsed.problems) {
        KW_CHECK(!cuda::show(problem, "c.cu").empty());
    }
    if (!parsed.problems.empty()) {
        return;
    }
    const cuda::DeviceConstants device;
    const auto plan = cuda::evaluate(parsed.plan, dims(), device, sizes);
    if (!plan) {
        KW_CHECK(!plan.error().what.empty());
        return;
    }
    cuda::Addresses addresses;
    for (const auto& [name, size] : sizes) {
        addresses.buffers[name] = 4096;
    }
    for (const cuda::EvaluatedWorkspace& workspace : plan->workspaces) {
        KW_CHECK(workspace.bytes >= 0);
        addresses.buffers[workspace.name] = 8192;
    }
    for (const cuda::EvaluatedTensorMap& map : plan->tensormaps) {
        addresses.tensormaps[map.name] = {};
    }
    for (const cuda::EvaluatedLaunch& launch : plan->launches) {
        const cuda::KernelSignature kernel = kernel_for(launch);
        (void)cuda::check_against_kernels(parsed.plan, {kernel});
        (void)cuda::check_launch(launch, kernel, device);
        const auto block = cuda::parameter_block(launch, kernel, addresses);
        const auto offsets = cuda::parameter_offsets(kernel);
        KW_CHECK(offsets.size() == kernel.parameters.size());
        KW_CHECK(
            !block || offsets.empty() ||
            block->size() == offsets.back() + kernel.parameters.back().bytes);
    }
}

}  // namespace kw::fuzz
