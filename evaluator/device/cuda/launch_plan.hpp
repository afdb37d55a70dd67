// SPDX-License-Identifier: Apache-2.0
// How a CUDA candidate wants its kernels launched: docs/launch-plan.md. Parsing needs only the
// source and the names of the task; evaluating needs a shape and a device; the parameters of a
// kernel need what the PTX says about it.
#pragma once

#include "core/dim_expr.hpp"
#include "core/result.hpp"
#include "core/task.hpp"
#include "evaluator/device/cuda/plan_lexer.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kw::cuda {

/// Facts of a device that expressions may name and that bound a launch.
struct DeviceConstants {
    std::int64_t sm_count = 132;
    std::int64_t max_threads = 1024;  ///< a block
    std::int64_t max_smem = 232448;   ///< bytes a block may opt in to
    std::int64_t sm_smem = 233472;    ///< bytes
    std::int64_t sm_threads = 2048;
    std::int64_t sm_regs = 65536;
    std::int64_t l2_bytes = std::int64_t{50} << 20;
    std::int64_t cc = 90;  ///< compute capability x 10
};
/// The constants of a documented product of this architecture: sm_80 A100, sm_86 A10, sm_89 L40S,
/// sm_90(a) H100 SXM, ...; nothing for an unknown one. A real device gives its own.
[[nodiscard]] std::optional<DeviceConstants> constants_of_arch(std::string_view arch);
[[nodiscard]] const std::vector<std::string>& known_archs();
/// SM_COUNT, WARP_SIZE, ...: as expressions name them.
[[nodiscard]] DimMap constant_map(const DeviceConstants& device);

/// What names may stand for.
struct PlanScope {
    std::vector<std::string> dims;
    std::vector<std::string> buffers;  ///< arguments of the task
};
[[nodiscard]] PlanScope scope_of(const Task& task);

struct PlanExpr {
    DimExpr expr;
    SourcePlace at;
};

struct LaunchArg {
    enum class Kind { pointer, tensormap, scalar, real };
    Kind kind = Kind::scalar;
    std::string name;  ///< pointer, tensormap: which
    PlanExpr value;    ///< scalar
    double real = 0;   ///< real
    SourcePlace at;
    std::string text;  ///< as written, for messages
};

struct Launch {
    std::string kernel;
    SourcePlace at;
    std::array<PlanExpr, 3> grid;
    std::array<PlanExpr, 3> block;
    std::array<PlanExpr, 3> cluster;  ///< empty expressions: no cluster
    PlanExpr smem;                    ///< empty: 0
    PlanExpr when;                    ///< empty: always
    bool cooperative = false;
    std::vector<LaunchArg> args;
};

struct Workspace {
    std::string name;
    PlanExpr bytes;
};

/// Fields as cuTensorMapEncodeTiled takes them.
struct TensorMap {
    std::string name;
    SourcePlace at;
    std::string base;   ///< argument or workspace
    std::string dtype;  ///< "u8" ... "tf32_ftz"
    std::vector<PlanExpr> dims;
    std::vector<PlanExpr> strides;  ///< bytes; empty: packed
    std::vector<PlanExpr> box;
    std::vector<PlanExpr> element_strides;  ///< empty: 1
    std::string swizzle = "none";
    std::string interleave = "none";
    std::string l2 = "none";
    std::string oob = "zero";
};
/// Bytes of an element of a tensor map's dtype; 0 for an unknown name.
[[nodiscard]] std::int64_t tensormap_element_bytes(std::string_view dtype);

struct LaunchPlan {
    std::string task;    ///< of //!kwright; "" = not said
    std::string target;  ///< likewise
    std::string arch;    ///< likewise
    std::vector<Launch> launches;
    std::vector<Workspace> workspaces;
    std::vector<TensorMap> tensormaps;
    DimMap constants;  ///< integer constants of the file
};

struct ParsedPlan {
    LaunchPlan plan;
    std::vector<PlanProblem> problems;  ///< empty = good; at most k_most_problems
};
/// Any bytes are accepted; mistakes are the candidate's (verdict FB).
[[nodiscard]] ParsedPlan parse_launch_plan(std::string_view source, const PlanScope& scope);

// --- at one shape -----------------------------------------------------------------------------

struct EvaluatedArg {
    LaunchArg::Kind kind = LaunchArg::Kind::scalar;
    std::string name;
    std::int64_t value = 0;
    double real = 0;
    SourcePlace at;
    std::string text;
};

struct EvaluatedLaunch {
    std::string kernel;  ///< as the plan names it
    SourcePlace at;
    std::array<std::uint32_t, 3> grid{1, 1, 1};
    std::array<std::uint32_t, 3> block{1, 1, 1};
    std::array<std::uint32_t, 3> cluster{0, 0, 0};  ///< 0 0 0: none
    std::uint32_t smem = 0;                         ///< dynamic, bytes
    bool cooperative = false;
    std::vector<EvaluatedArg> args;
};

struct EvaluatedWorkspace {
    std::string name;
    std::int64_t bytes = 0;
};

struct EvaluatedTensorMap {
    std::string name;
    std::string base;
    std::string dtype;
    std::vector<std::uint64_t> dims;
    std::vector<std::uint64_t> strides;  ///< bytes, dims.size() - 1 of them
    std::vector<std::uint32_t> box;
    std::vector<std::uint32_t> element_strides;
    std::string swizzle, interleave, l2, oob;
};

struct EvaluatedPlan {
    std::vector<EvaluatedLaunch> launches;  ///< those whose `when` holds
    std::vector<EvaluatedWorkspace> workspaces;
    std::vector<EvaluatedTensorMap> tensormaps;
};

/// Sizes of the task's arguments by name, bytes: bounds of tensor maps. Empty = not checked.
using BufferSizes = std::map<std::string, std::int64_t, std::less<>>;
[[nodiscard]] Result<BufferSizes> buffer_sizes(const Task& task, const DimMap& dims);

/// Errors (Errc::config, "LINE:COLUMN: what at N=.. K=..; expected ...") are the candidate's: a
/// plan that cannot be launched at this shape on this device.
[[nodiscard]] Result<EvaluatedPlan> evaluate(
    const LaunchPlan& plan,
    const DimMap& dims,
    const DeviceConstants& device,
    const BufferSizes& sizes = {});

// --- with the kernel's own parameters ---------------------------------------------------------

/// One .param of an .entry.
struct KernelParameter {
    std::string name;
    std::string type;       ///< "u64", "f32", "b8"; without the dot
    std::size_t bytes = 0;  ///< element size x count
    std::size_t align = 1;
    std::size_t count = 0;  ///< of an array; 0 = scalar
    bool pointer = false;   ///< .ptr stands with it
};

/// What a launch must know of its kernel; ptx_facts.hpp fills it.
struct KernelSignature {
    std::string name;  ///< as PTX spells it
    std::vector<KernelParameter> parameters;
    std::array<std::uint32_t, 3> max_threads{0, 0, 0};       ///< .maxntid; 0 = not said
    std::array<std::uint32_t, 3> required_threads{0, 0, 0};  ///< .reqntid; 0 = not said
    std::array<std::uint32_t, 3> required_cluster{0, 0, 0};  ///< .reqnctapercluster
    std::int64_t static_smem = 0;                            ///< bytes
};

/// The kernel that `name` means: the entry itself, or the only one whose mangled name says so.
/// Null when there is none or more than one.
[[nodiscard]] const KernelSignature* find_kernel(
    const std::vector<KernelSignature>& kernels, std::string_view name);

/// Launches against the kernels they name: unknown kernels, numbers and kinds of arguments.
[[nodiscard]] std::vector<PlanProblem> check_against_kernels(
    const LaunchPlan& plan, const std::vector<KernelSignature>& kernels);

/// The launch against limits that only the kernel knows: .maxntid, .reqntid, clusters, shared
/// memory. Errors as evaluate().
[[nodiscard]] Result<void> check_launch(
    const EvaluatedLaunch& launch, const KernelSignature& kernel, const DeviceConstants& device);

/// Where things lie on the device.
struct Addresses {
    std::map<std::string, std::uint64_t, std::less<>> buffers;  ///< arguments and workspaces
    std::map<std::string, std::array<std::byte, 128>, std::less<>> tensormaps;
};

/// The bytes of a kernel's parameters, each at its alignment. Errors as evaluate(); a buffer or
/// tensor map without address is one too.
[[nodiscard]] Result<std::vector<std::byte>> parameter_block(
    const EvaluatedLaunch& launch, const KernelSignature& kernel, const Addresses& addresses);
/// Offset of each parameter in that block.
[[nodiscard]] std::vector<std::size_t> parameter_offsets(const KernelSignature& kernel);

}  // namespace kw::cuda
