// SPDX-License-Identifier: Apache-2.0
// Arguments as a kernel's own parameters take them.
#include "evaluator/device/cuda/launch_plan.hpp"
#include "evaluator/device/cuda/plan_evaluate.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace kw::cuda {
namespace {

constexpr std::size_t k_most_parameter_bytes = 32764;  // of sm_70 and later, CUDA 12.1 and later
constexpr std::size_t k_tensormap_bytes = 128;

enum class Shape { integer, real, tensormap, structure };

/// A scalar `.b8[4]` or `.b8[8]` is how a `const __grid_constant__ int` is declared.
Shape shape_of(const KernelParameter& parameter) {
    if (parameter.count > 0) {
        if (parameter.bytes == k_tensormap_bytes && parameter.align >= 64) {
            return Shape::tensormap;
        }
        const bool word = parameter.type == "b8" && parameter.align == parameter.bytes &&
                          (parameter.bytes == 4 || parameter.bytes == 8);
        return word ? Shape::integer : Shape::structure;
    }
    return !parameter.type.empty() && parameter.type[0] == 'f' ? Shape::real : Shape::integer;
}

std::string shown(const KernelParameter& parameter) {
    const std::string declared = parameter.count > 0
                                     ? parameter.type + "[" + std::to_string(parameter.count) + "]"
                                     : parameter.type;
    const std::string bytes = std::to_string(parameter.bytes) + "-byte ";
    switch (shape_of(parameter)) {
        case Shape::integer: return "a " + bytes + "integer parameter (." + declared + ")";
        case Shape::real: return "a " + bytes + "floating-point parameter (." + declared + ")";
        case Shape::tensormap: return "a tensor map parameter (." + declared + ")";
        case Shape::structure: break;
    }
    return "a " + bytes + "structure (." + declared + ")";
}

std::string shown(LaunchArg::Kind kind) {
    switch (kind) {
        case LaunchArg::Kind::pointer: return "a pointer";
        case LaunchArg::Kind::tensormap: return "a tensor map";
        case LaunchArg::Kind::scalar: return "an integer";
        case LaunchArg::Kind::real: break;
    }
    return "a number with a point";
}

std::string wanted(const KernelParameter& parameter) {
    switch (shape_of(parameter)) {
        case Shape::integer:
            if (parameter.pointer) {
                return "a buffer";
            }
            return parameter.bytes == 8 ? "a buffer or an integer" : "an integer";
        case Shape::real: return "a number";
        case Shape::tensormap: return "a tensor map";
        case Shape::structure: break;
    }
    return "a kernel that takes pointers, numbers and tensor maps only";
}

bool fits_kind(LaunchArg::Kind kind, const KernelParameter& parameter) {
    const Shape shape = shape_of(parameter);
    switch (kind) {
        case LaunchArg::Kind::pointer:
            return shape == Shape::integer && parameter.bytes == 8 && parameter.count == 0;
        case LaunchArg::Kind::tensormap: return shape == Shape::tensormap;
        case LaunchArg::Kind::scalar:
            return (shape == Shape::integer && !parameter.pointer) ||
                   (shape == Shape::real && parameter.bytes >= 4);
        case LaunchArg::Kind::real: break;
    }
    return shape == Shape::real && parameter.bytes >= 4;
}

/// What an argument of this kind cannot be given to; nothing when it can.
template <class Argument>
std::optional<PlanProblem> kind_problem(
    const Argument& arg, std::size_t index, const KernelParameter& parameter) {
    if (fits_kind(arg.kind, parameter)) {
        return std::nullopt;
    }
    return PlanProblem{
        arg.at,
        "args " + std::to_string(index + 1) + ", " + in_message(arg.text) + ": " + shown(arg.kind) +
            " for " + shown(parameter),
        wanted(parameter)};
}

std::string count_mismatch(const std::string& kernel, std::size_t takes, std::size_t given) {
    return "kernel " + in_message(kernel) + " takes " + std::to_string(takes) +
           (takes == 1 ? " parameter" : " parameters") + ", args gives " + std::to_string(given);
}

Error problem_error(const PlanProblem& problem) {
    return plan_error(problem.at, problem.what, problem.expected);
}

/// True when the base name of a mangled `_Z4gemvPKf` is `name`.
bool mangles(std::string_view entry, std::string_view name) {
    const std::string start = "_Z" + std::to_string(name.size()) + std::string(name);
    return entry.size() > start.size() && entry.substr(0, start.size()) == start;
}

bool integer_fits(std::int64_t value, const KernelParameter& parameter) {
    if (parameter.bytes >= 8) {
        return true;  // PTX says .u64 for signed ones too
    }
    // nvcc spells int and unsigned alike (.u32), so both ranges are taken.
    const int bits = static_cast<int>(parameter.bytes) * 8;
    const std::int64_t most = (std::int64_t{1} << bits) - 1;
    const std::int64_t least = -(std::int64_t{1} << (bits - 1));
    return value >= least && value <= most;
}

Result<void> put_integer(
    const EvaluatedArg& arg, const KernelParameter& parameter, std::byte* into) {
    if (!integer_fits(arg.value, parameter)) {
        return plan_error(
            arg.at,
            in_message(arg.text) + " is " + std::to_string(arg.value) + " and does not fit " +
                shown(parameter),
            "a value of that size");
    }
    const auto bits = static_cast<std::uint64_t>(arg.value);
    for (std::size_t i = 0; i < parameter.bytes; ++i) {
        into[i] = static_cast<std::byte>((bits >> (8 * i)) & 0xffU);
    }
    return {};
}

/// True when the integer has at most `digits` significant binary digits.
bool is_exact(std::int64_t value, int digits) {
    const std::uint64_t magnitude =
        value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    return magnitude == 0 || (magnitude >> std::countr_zero(magnitude)) >> digits == 0;
}

Result<void> put_real(const EvaluatedArg& arg, const KernelParameter& parameter, std::byte* into) {
    const bool whole = arg.kind == LaunchArg::Kind::scalar;
    const double value = whole ? static_cast<double>(arg.value) : arg.real;
    const auto narrow = static_cast<float>(value);
    const bool lost = whole && !is_exact(arg.value, parameter.bytes == 4 ? 24 : 53);
    if (lost || (parameter.bytes == 4 && !std::isfinite(narrow))) {
        return plan_error(
            arg.at, in_message(arg.text) + " has no exact value in " + shown(parameter), {});
    }
    if (parameter.bytes == 4) {
        std::memcpy(into, &narrow, sizeof narrow);
    } else {
        std::memcpy(into, &value, sizeof value);
    }
    return {};
}

Result<void> put(
    const EvaluatedArg& arg,
    const KernelParameter& parameter,
    const Addresses& addresses,
    std::byte* into) {
    if (arg.kind == LaunchArg::Kind::pointer) {
        const auto found = addresses.buffers.find(arg.name);
        if (found == addresses.buffers.end()) {
            return plan_error(arg.at, "the buffer " + in_message(arg.name) + " has no address", {});
        }
        std::memcpy(into, &found->second, sizeof found->second);
        return {};
    }
    if (arg.kind == LaunchArg::Kind::tensormap) {
        const auto found = addresses.tensormaps.find(arg.name);
        if (found == addresses.tensormaps.end()) {
            return plan_error(
                arg.at, "the tensor map " + in_message(arg.name) + " is not made", {});
        }
        std::memcpy(into, found->second.data(), found->second.size());
        return {};
    }
    return shape_of(parameter) == Shape::real ? put_real(arg, parameter, into)
                                              : put_integer(arg, parameter, into);
}

std::string names_of(const std::vector<KernelSignature>& kernels) {
    std::string text;
    for (std::size_t i = 0; i < std::min<std::size_t>(kernels.size(), 8); ++i) {
        text += (i == 0 ? "" : ", ") + kernels[i].name.substr(0, 80);
    }
    return kernels.empty() ? "no kernel" : text;
}

PlanProblem unknown_kernel(const Launch& launch, const std::vector<KernelSignature>& kernels) {
    const auto same = std::count_if(kernels.begin(), kernels.end(), [&](const KernelSignature& k) {
        return mangles(k.name, launch.kernel);
    });
    if (same > 1) {
        return {
            launch.at,
            "kernel " + in_message(launch.kernel) + " is ambiguous: the file defines " +
                names_of(kernels),
            "one function of that name, extern \"C\""};
    }
    return {
        launch.at,
        "kernel " + in_message(launch.kernel) + " is not in the file; it defines " +
            names_of(kernels),
        "the name of an extern \"C\" __global__ function (a template must be instantiated)"};
}

}  // namespace

const KernelSignature* find_kernel(
    const std::vector<KernelSignature>& kernels, std::string_view name) {
    const KernelSignature* only = nullptr;
    for (const KernelSignature& kernel : kernels) {
        if (kernel.name == name) {
            return &kernel;
        }
    }
    for (const KernelSignature& kernel : kernels) {
        if (mangles(kernel.name, name)) {
            if (only != nullptr) {
                return nullptr;
            }
            only = &kernel;
        }
    }
    return only;
}

std::vector<PlanProblem> check_against_kernels(
    const LaunchPlan& plan, const std::vector<KernelSignature>& kernels) {
    std::vector<PlanProblem> problems;
    for (const Launch& launch : plan.launches) {
        if (problems.size() >= k_most_problems) {
            break;
        }
        const KernelSignature* kernel = find_kernel(kernels, launch.kernel);
        if (kernel == nullptr) {
            problems.push_back(unknown_kernel(launch, kernels));
            continue;
        }
        const auto& parameters = kernel->parameters;
        if (parameters.size() != launch.args.size()) {
            problems.push_back(
                {launch.at,
                 count_mismatch(launch.kernel, parameters.size(), launch.args.size()),
                 "one argument for each parameter, in its order"});
            continue;
        }
        for (std::size_t i = 0; i < parameters.size(); ++i) {
            if (auto problem = kind_problem(launch.args[i], i, parameters[i])) {
                problems.push_back(std::move(*problem));
            }
        }
    }
    return problems;
}

Result<void> check_launch(
    const EvaluatedLaunch& launch, const KernelSignature& kernel, const DeviceConstants& device) {
    const auto product = [](const std::array<std::uint32_t, 3>& sizes) {
        return std::int64_t{sizes[0]} * sizes[1] * sizes[2];
    };
    const std::string name = in_message(launch.kernel);
    if (kernel.required_threads[0] != 0 && launch.block != kernel.required_threads) {
        return plan_error(
            launch.at,
            "the block of kernel " + name + " is not the one it requires",
            std::to_string(kernel.required_threads[0]) + " x " +
                std::to_string(kernel.required_threads[1]) + " x " +
                std::to_string(kernel.required_threads[2]));
    }
    if (kernel.max_threads[0] != 0 && product(launch.block) > product(kernel.max_threads)) {
        return plan_error(
            launch.at,
            "the block of kernel " + name + " has " + std::to_string(product(launch.block)) +
                " threads, its __launch_bounds__ allow " +
                std::to_string(product(kernel.max_threads)),
            "a smaller block or larger bounds");
    }
    if (kernel.required_cluster[0] != 0 && launch.cluster[0] != 0 &&
        launch.cluster != kernel.required_cluster) {
        return plan_error(
            launch.at,
            "the cluster of kernel " + name + " is not the one its __cluster_dims__ say",
            "no cluster in //!launch, or the same");
    }
    const std::int64_t smem = kernel.static_smem + launch.smem;
    if (smem > device.max_smem) {
        return plan_error(
            launch.at,
            "kernel " + name + " wants " + std::to_string(smem) + " bytes of shared memory (" +
                std::to_string(kernel.static_smem) + " static)",
            "at most " + std::to_string(device.max_smem));
    }
    return {};
}

std::vector<std::size_t> parameter_offsets(const KernelSignature& kernel) {
    std::vector<std::size_t> offsets;
    std::size_t end = 0;
    for (const KernelParameter& parameter : kernel.parameters) {
        const std::size_t align = std::max<std::size_t>(parameter.align, 1);
        end = (end + align - 1) / align * align;
        offsets.push_back(end);
        end += parameter.bytes;
    }
    return offsets;
}

Result<std::vector<std::byte>> parameter_block(
    const EvaluatedLaunch& launch, const KernelSignature& kernel, const Addresses& addresses) {
    const auto& parameters = kernel.parameters;
    if (parameters.size() != launch.args.size()) {
        return plan_error(
            launch.at,
            count_mismatch(launch.kernel, parameters.size(), launch.args.size()),
            "one argument for each parameter, in its order");
    }
    const std::vector<std::size_t> offsets = parameter_offsets(kernel);
    const std::size_t bytes = offsets.empty() ? 0 : offsets.back() + parameters.back().bytes;
    if (bytes > k_most_parameter_bytes) {
        return plan_error(
            launch.at,
            "the parameters of kernel " + in_message(launch.kernel) + " take " +
                std::to_string(bytes) + " bytes",
            "at most " + std::to_string(k_most_parameter_bytes));
    }
    std::vector<std::byte> block(bytes);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (const auto problem = kind_problem(launch.args[i], i, parameters[i])) {
            return problem_error(*problem);
        }
        KW_TRY(put(launch.args[i], parameters[i], addresses, block.data() + offsets[i]));
    }
    return block;
}

}  // namespace kw::cuda
