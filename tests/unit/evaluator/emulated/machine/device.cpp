// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/evaluator/emulated/machine/device.hpp"

#include "tests/support/catch.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace kw::emu::test {

std::string fixture(const std::string& name) {
    const std::string path = std::string(KW_SOURCE_DIR) + "/tests/golden/ptx/" + name;
    std::ifstream file(path);
    if (!file) {
        throw std::runtime_error("no fixture " + path);
    }
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

Device::Device(const std::string& ptx) {
    ParseResult parsed = parse(ptx);
    if (!parsed.errors.empty()) {
        throw std::runtime_error(
            "line " + std::to_string(parsed.errors[0].line) + ": " + parsed.errors[0].message);
    }
    module_ = std::move(parsed.module);
    options.wall_budget_ms = 60'000;
}

Argument Device::place(
    const std::string& name, std::vector<std::byte> bytes, Access access, bool full) {
    buffers_.emplace_back(name, std::move(bytes));
    Allocation allocation;
    allocation.name = name;
    allocation.host = buffers_.back().second.data();
    allocation.bytes = buffers_.back().second.size();
    allocation.access = access;
    allocation.initialised = full;
    return value(memory.add(std::move(allocation)));
}

const std::vector<std::byte>& Device::buffer(const std::string& name) const {
    for (const auto& [known, bytes] : buffers_) {
        if (known == name) {
            return bytes;
        }
    }
    throw std::runtime_error("no buffer " + name);
}

Report Device::launch(Launch shape, const std::vector<Argument>& arguments) {
    const auto parameters = kernel_parameters(module_, shape.kernel);
    if (parameters && !parameters->empty()) {
        const Parameter& last = parameters->back();
        shape.parameters.assign(last.offset + last.bytes, std::byte{0});
        for (std::size_t i = 0; i < arguments.size() && i < parameters->size(); ++i) {
            const Parameter& parameter = (*parameters)[i];
            if (arguments[i].size() != parameter.bytes) {
                throw std::runtime_error("argument " + std::to_string(i) + " has another size");
            }
            std::copy(
                arguments[i].begin(),
                arguments[i].end(),
                shape.parameters.begin() + static_cast<std::ptrdiff_t>(parameter.offset));
        }
    }
    return run(module_, shape, memory, options);
}

std::string Device::text(const Report& report) const {
    std::string out = std::string(ending_name(report.ending)) + " " + report.error.message + " " +
                      report.hang + "\n";
    for (const Finding& finding : report.findings) {
        out += describe(finding, module_) + "\n";
    }
    return out;
}

std::string kernel(const std::string& body, const std::string& globals) {
    return ".version 8.7\n.target sm_90a\n.address_size 64\n" + globals +
           "\n.visible .entry k(.param .u64 k_in, .param .u64 k_out)\n{\n"
           ".reg .b32 %r<64>;\n.reg .b64 %rd<64>;\n.reg .f32 %f<64>;\n.reg .f64 %fd<64>;\n"
           ".reg .b16 %h<64>;\n.reg .pred %p<16>;\n"
           "ld.param.u64 %rd0, [k_in];\nld.param.u64 %rd1, [k_out];\nmov.u32 %r0, %tid.x;\n" +
           body + "\nret;\n}\n";
}

std::vector<std::byte> run_kernel(
    const std::string& ptx,
    const std::vector<std::byte>& in,
    std::size_t bytes,
    std::uint32_t threads) {
    Device device(ptx);
    device.options.checks = Checks::all();
    const Argument from = device.input("in", in);
    const Argument to = device.output<std::byte>("out", bytes);
    Launch launch;
    launch.kernel = "k";
    launch.block = {threads, 1, 1};
    const Report report = device.launch(launch, {from, to});
    INFO(ptx);
    INFO(device.text(report));
    REQUIRE(report.ending == Ending::completed);
    REQUIRE(report.findings.empty());
    return device.read<std::byte>("out");
}

std::vector<std::uint32_t> noise(std::size_t count, std::uint32_t seed) {
    std::vector<std::uint32_t> out(count);
    std::uint64_t state = seed;
    for (std::uint32_t& word : out) {
        state = state * 6364136223846793005ULL + 1442695040888963407ULL;
        word = static_cast<std::uint32_t>(state >> 32);
    }
    return out;
}

}  // namespace kw::emu::test
