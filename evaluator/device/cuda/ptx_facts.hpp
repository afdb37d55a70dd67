// SPDX-License-Identifier: Apache-2.0
// What a compiled candidate's PTX says about itself: kernels, their parameters, and the class of
// matrix instructions that they really use. Reads text; linear in time on any bytes; never fails.
// It does not check PTX: ptxas and the emulated device do.
#pragma once

#include "evaluator/device/cuda/launch_plan.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kw::cuda {

/// "wgmma.bf16" -> number of instructions; the names are those of cuda_class_names()
/// (core/task.hpp). wmma counts as mma. An instruction with two operand types counts for both.
using ClassCounts = std::map<std::string, int>;
/// The classes of one instruction, from its opcode:
/// "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32".
[[nodiscard]] std::vector<std::string> classes_of(std::string_view opcode);
/// The strongest classes of a kernel for the row: "wgmma.e4m3", "mma.s8, dp4a", "none".
[[nodiscard]] std::string show_classes(const ClassCounts& counts);

struct PtxKernel {
    KernelSignature signature;
    ClassCounts classes;               ///< of the kernel and of every function that it calls
    int instructions = 0;              ///< static, likewise
    std::int64_t local_bytes = 0;      ///< of its own .local depot
    bool reads_clock = false;          ///< %clock, %globaltimer, ...
    std::vector<std::string> externs;  ///< functions it calls that the module does not define
};

struct PtxVariable {
    std::string name;
    std::string space;  ///< "global" | "const" | "shared"
    std::int64_t bytes = 0;
    bool external = false;
    bool initialised = false;
};

struct PtxFacts {
    std::string version;  ///< "9.0"
    std::string target;   ///< "sm_90a"
    std::vector<PtxKernel> kernels;
    std::vector<PtxVariable> variables;  ///< of the module; at most 1000
    /// Lines of the text that begin with '#', or a .include: PTX has no use for them here.
    std::vector<int> preprocessor_lines;
};
[[nodiscard]] PtxFacts ptx_facts(std::string_view ptx);

[[nodiscard]] std::vector<KernelSignature> signatures(const PtxFacts& facts);

/// The source line that `.loc` gives for a line of the PTX; nothing without one, or when the line
/// belongs to another file than `own_file`.
[[nodiscard]] std::optional<int> source_line(
    std::string_view ptx, int ptx_line, std::string_view own_file);

}  // namespace kw::cuda
