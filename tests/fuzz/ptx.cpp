// SPDX-License-Identifier: Apache-2.0
// A module of anybody's, and a launch of its kernels: both end within their budgets, with a report,
// inside the memory that they were given.
#include "core/check.hpp"
#include "evaluator/device/emulated/engine/machine.hpp"
#include "tests/fuzz/target.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <random>

namespace kw::fuzz {
namespace {

constexpr std::size_t k_most_kernels = 4;

emu::ParseLimits parse_limits() {
    emu::ParseLimits limits;
    limits.text_bytes = std::size_t{64} << 10;
    limits.instructions = 20'000;
    limits.operands = 80'000;
    limits.registers = 100'000;
    limits.symbols = 4'000;
    limits.data_bytes = std::size_t{1} << 20;
    return limits;
}

emu::Options run_options(std::minstd_rand& random) {
    emu::Options options;
    options.checks = random() % 2 == 0 ? emu::Checks::all() : emu::Checks{};
    options.seed = random() % 3;
    options.instruction_budget = 50'000;
    options.wall_budget_ms = 2'000;
    options.max_state = std::size_t{32} << 20;
    return options;
}

/// A launch on a small grid, with a buffer for every parameter that may be a pointer.
void launch(const emu::Module& module, const emu::Function& kernel, std::minstd_rand& random) {
    const auto parameters = emu::kernel_parameters(module, kernel.name);
    KW_CHECK(parameters.has_value());
    emu::Memory memory;
    std::vector<std::vector<std::byte>> buffers;
    emu::Launch launch;
    launch.kernel = kernel.name;
    launch.grid = {1 + static_cast<std::uint32_t>(random() % 3), 1, 1};
    launch.block = {static_cast<std::uint32_t>(1 + random() % 100), 1, 1};
    launch.dynamic_shared = static_cast<std::uint32_t>(random() % 2 * 1024);
    launch.cooperative = random() % 4 == 0;
    if (kernel.required_threads) {
        launch.block = *kernel.required_threads;
    }
    if (kernel.required_cluster) {
        launch.cluster = *kernel.required_cluster;
        launch.grid = launch.cluster;
    }
    for (const emu::Parameter& parameter : *parameters) {
        launch.parameters.resize(parameter.offset + std::size_t{parameter.bytes});
        std::uint64_t value = random() % 40;
        if (parameter.bytes == 8) {
            buffers.emplace_back(256 + random() % 4096, std::byte{1});
            emu::Allocation allocation;
            allocation.name = parameter.name;
            allocation.host = buffers.back().data();
            allocation.bytes = buffers.back().size();
            allocation.access = static_cast<emu::Access>(random() % 3);
            allocation.initialised = random() % 2 == 0;
            value = memory.add(std::move(allocation));
        }
        std::memcpy(
            launch.parameters.data() + parameter.offset,
            &value,
            std::min<std::size_t>(parameter.bytes, sizeof(value)));
    }
    const emu::Report report = emu::run(module, launch, memory, run_options(random));
    for (const emu::Finding& finding : report.findings) {
        KW_CHECK(!emu::describe(finding, module).empty());
    }
    KW_CHECK(
        (report.ending != emu::Ending::unsupported && report.ending != emu::Ending::bad_launch) ||
        !report.error.message.empty());
    KW_CHECK(report.ending != emu::Ending::hang || !report.hang.empty());
}

}  // namespace

void ptx(std::string_view bytes) {
    const emu::ParseResult parsed = emu::parse(bytes, parse_limits());
    if (!parsed.errors.empty()) {
        KW_CHECK(parsed.errors.size() <= 20 && !parsed.errors.front().message.empty());
        return;
    }
    std::minstd_rand random(static_cast<std::uint32_t>(std::hash<std::string_view>{}(bytes)) | 1U);
    std::size_t launched = 0;
    for (const emu::Function& function : parsed.module.functions) {
        if (function.kernel && !function.declared && launched++ < k_most_kernels) {
            launch(parsed.module, function, random);
        }
    }
}

}  // namespace kw::fuzz
