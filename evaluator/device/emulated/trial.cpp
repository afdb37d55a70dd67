// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/trial.hpp"

#include "evaluator/device/cuda/ptx_facts.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kw::emulated {
namespace {

constexpr std::int64_t k_align = 256;
constexpr std::byte k_poison{0xEE};
constexpr std::size_t k_most_names = 8;

using Kind = TrialArgument::Kind;

Error usage(std::string what, std::string hint) {
    return {Errc::usage, std::move(what), std::move(hint)};
}

std::string names_of(const std::vector<cuda::KernelSignature>& kernels) {
    std::string text;
    for (std::size_t i = 0; i < std::min(kernels.size(), k_most_names); ++i) {
        text += (i == 0 ? "" : ", ") + kernels[i].name.substr(0, 80);
    }
    return text + (kernels.size() > k_most_names ? ", ..." : "");
}

Result<cuda::KernelSignature> kernel_of(const Trial& trial) {
    const auto kernels = cuda::signatures(cuda::ptx_facts(trial.ptx));
    if (kernels.empty()) {
        return usage(
            "the PTX has no kernel", "a kernel is a .entry, in CUDA a __global__ function");
    }
    if (trial.kernel.empty() && kernels.size() > 1) {
        return usage(
            "the PTX has several kernels", "choose one with --kernel: " + names_of(kernels));
    }
    const cuda::KernelSignature* kernel =
        trial.kernel.empty() ? kernels.data() : cuda::find_kernel(kernels, trial.kernel);
    if (kernel == nullptr) {
        return usage(
            "the PTX has no kernel '" + trial.kernel.substr(0, 80) + "', or several of that name",
            "it has " + names_of(kernels));
    }
    return *kernel;
}

bool is_real(const cuda::KernelParameter& parameter) {
    return parameter.type.starts_with("f");
}

std::string shown(const cuda::KernelParameter& parameter) {
    const std::string count =
        parameter.count > 0 ? "[" + std::to_string(parameter.count) + "]" : "";
    return "." + parameter.type + count + ", " + std::to_string(parameter.bytes) +
           (parameter.bytes == 1 ? " byte" : " bytes");
}

std::string wanted(const cuda::KernelParameter& parameter) {
    if (parameter.count > 0) {
        return "a kernel whose parameters are pointers and numbers: structures cannot be passed";
    }
    const std::string bits = std::to_string(8 * parameter.bytes);
    if (is_real(parameter)) {
        return "give it f" + bits + ":NUMBER";
    }
    return "give it i" + bits + ":NUMBER" + (parameter.bytes == 8 ? " or a buffer" : "");
}

bool fits(const TrialArgument& argument, const cuda::KernelParameter& parameter) {
    if (parameter.count > 0) {
        return false;
    }
    if (is_buffer(argument)) {
        return parameter.bytes == 8 && !is_real(parameter);
    }
    // .b32 says nothing of what is in it.
    const bool kind =
        parameter.type.starts_with("b") || is_real(parameter) == (argument.kind == Kind::real);
    return kind && static_cast<std::int64_t>(parameter.bytes) == argument.bytes;
}

void put(const TrialArgument& argument, std::uint64_t address, std::byte* into) {
    if (is_buffer(argument)) {
        std::memcpy(into, &address, sizeof address);
    } else if (argument.kind == Kind::integer) {
        std::memcpy(into, &argument.integer, static_cast<std::size_t>(argument.bytes));
    } else if (argument.bytes == 4) {
        const auto narrow = static_cast<float>(argument.real);
        std::memcpy(into, &narrow, sizeof narrow);
    } else {
        std::memcpy(into, &argument.real, sizeof argument.real);
    }
}

/// Buffer i of the job is buffer argument i.
Result<std::vector<std::byte>> parameters_of(
    const Trial& trial, const cuda::KernelSignature& kernel) {
    const auto& parameters = kernel.parameters;
    if (parameters.size() != trial.arguments.size()) {
        std::string list;
        for (const cuda::KernelParameter& parameter : parameters) {
            list += (list.empty() ? "" : "; ") + shown(parameter);
        }
        return usage(
            kernel.name + " takes " + std::to_string(parameters.size()) + " arguments, " +
                std::to_string(trial.arguments.size()) + " were given",
            list.empty() ? "" : "one --arg for each, in order: " + list);
    }
    const std::vector<std::size_t> offsets = cuda::parameter_offsets(kernel);
    std::vector<std::byte> block(offsets.empty() ? 0 : offsets.back() + parameters.back().bytes);
    std::size_t buffers = 0;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        const TrialArgument& argument = trial.arguments[i];
        if (!fits(argument, parameters[i])) {
            return usage(
                "argument " + std::to_string(i + 1) + " of " + kernel.name + ", " +
                    argument.text.substr(0, 80) + ", does not fit its parameter (" +
                    shown(parameters[i]) + ")",
                wanted(parameters[i]));
        }
        put(argument, buffer_address(buffers), block.data() + offsets[i]);
        buffers += is_buffer(argument) ? 1 : 0;
    }
    return block;
}

const char* access_of(Kind kind) {
    switch (kind) {
        case Kind::in: return "in";
        case Kind::out: return "out";
        case Kind::inout: return "inout";
        default: return "scratch";
    }
}

std::int64_t size_of(const TrialArgument& argument) {
    return std::max(argument.bytes, static_cast<std::int64_t>(argument.content.size()));
}

/// Buffers after each other; the number of an argument is part of its buffer's name.
std::int64_t place_buffers(const Trial& trial, RunRequest& request) {
    std::int64_t end = 0;
    for (std::size_t i = 0; i < trial.arguments.size(); ++i) {
        const TrialArgument& argument = trial.arguments[i];
        if (is_buffer(argument)) {
            end = (end + k_align - 1) / k_align * k_align;
            request.buffers.push_back(
                {"arg" + std::to_string(i + 1), end, size_of(argument), access_of(argument.kind)});
            end += size_of(argument);
        }
    }
    return end;
}

std::span<std::byte> bytes_of(const RunBuffer& buffer, cpu::SharedMemory& memory) {
    return memory.bytes().subspan(
        static_cast<std::size_t>(buffer.offset), static_cast<std::size_t>(buffer.bytes));
}

}  // namespace

bool is_buffer(const TrialArgument& argument) {
    return argument.kind != Kind::integer && argument.kind != Kind::real;
}

Result<void> check_trial(const Trial& trial) {
    KW_TRY_ASSIGN(const cuda::KernelSignature kernel, kernel_of(trial));
    KW_TRY(parameters_of(trial, kernel));
    return {};
}

Result<TrialResult> run_trial(Emulator& emulator, const Trial& trial) {
    KW_TRY_ASSIGN(const cuda::KernelSignature kernel, kernel_of(trial));
    TrialResult result;
    result.launch = trial.launch;
    result.launch.kernel = kernel.name;
    KW_TRY_ASSIGN(result.launch.parameters, parameters_of(trial, kernel));
    RunRequest request;
    request.ptx = trial.ptx;
    result.buffer_bytes = place_buffers(trial, request);
    request.launches = {result.launch};
    request.checked = trial.checked;
    request.seed = trial.seed;
    request.instructions = trial.instructions;
    request.wall_s = trial.wall_s;
    request.threads = trial.threads;
    KW_TRY_ASSIGN(
        const auto memory,
        cpu::SharedMemory::create("kw-emu", result.buffer_bytes, cpu::FutureWrites::yes));
    auto buffer = request.buffers.begin();
    for (const TrialArgument& argument : trial.arguments) {
        if (is_buffer(argument)) {
            const std::span<std::byte> place = bytes_of(*buffer++, *memory);
            std::ranges::fill(place, k_poison);
            std::ranges::copy(argument.content, place.begin());
        }
    }
    KW_TRY_ASSIGN(result.report, emulator.run(request, *memory));
    buffer = request.buffers.begin();
    for (const TrialArgument& argument : trial.arguments) {
        std::vector<std::byte>& output = result.outputs.emplace_back();
        if (is_buffer(argument)) {
            const std::span<std::byte> place = bytes_of(*buffer++, *memory);
            if (argument.kind == Kind::out || argument.kind == Kind::inout) {
                output.assign(place.begin(), place.end());
            }
        }
    }
    return result;
}

}  // namespace kw::emulated
