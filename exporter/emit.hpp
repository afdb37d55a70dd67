// SPDX-License-Identifier: Apache-2.0
// The generated files of a pack, as text. The same pack gives the same bytes: nothing here reads a
// clock, an environment or a folder. What the tables mean: library/src/kwk_runtime.h.
#pragma once

#include "exporter/pack.hpp"

#include <string>

namespace kw::exporter {

[[nodiscard]] std::string operation_header(const Operation& operation);     ///< <kwk/OP.h>
[[nodiscard]] std::string operation_wrapper(const Operation& operation);    ///< <kwk/OP.hpp>
[[nodiscard]] std::string operation_table(const Operation& operation);      ///< dispatch
[[nodiscard]] std::string operation_selfcheck(const Operation& operation);  ///< cases, tolerances
/// The translation unit that brings a kernel's own source into a pack.
[[nodiscard]] std::string unit_source(const Operation& operation, const Unit& unit);
/// A CUDA kernel: images and launch plan.
[[nodiscard]] std::string cuda_source(const Operation& operation, const Unit& unit);
[[nodiscard]] std::string cuda_plan_name(const Unit& unit);
[[nodiscard]] std::string reference_source(const Operation& operation);
[[nodiscard]] std::string naive_source(const Operation& operation);
/// `task_header` and `reference_header` of the judge with their entry points hidden.
[[nodiscard]] std::string hidden_entries(std::string header);

[[nodiscard]] std::string operations_list(const Pack& pack, const std::string& pack_id);  ///< C
[[nodiscard]] std::string selfcheck_list(const Pack& pack);                               ///< C
/// "0.1" of version 0.1.3: the library's SONAME ends in it.
[[nodiscard]] std::string abi_of(const Pack& pack);
[[nodiscard]] std::string build_list(const Pack& pack);   ///< CMake: what to compile and how
[[nodiscard]] std::string symbol_list(const Pack& pack);  ///< linker script: what is exported
[[nodiscard]] std::string python_operations(const Pack& pack);
[[nodiscard]] std::string python_stubs(const Pack& pack);
[[nodiscard]] std::string manifest(const Pack& pack, const std::string& pack_id);
[[nodiscard]] std::string readme(const Pack& pack);

/// "kwk_k7f3a91c2b4d5_v3": what the symbols of a kernel's code begin with.
[[nodiscard]] std::string code_prefix(const Unit& unit, const CpuCode& code);
/// `static bool NAME(const int64_t* kwk_dims)` around a predicate over the operation's dims.
[[nodiscard]] std::string predicate_function(
    const Task& task, const std::string& name, const DimExpr& predicate);
/// Before the names of dimensions and constants where they are locals in C: a task's `state` or a
/// file's `#define NULL 7` reaches nothing else.
inline constexpr const char* k_local = "kwk_n_";
/// "const int64_t kwk_n_N = kwk_dims[0]; ..." on lines of their own.
[[nodiscard]] std::string dim_locals(const Task& task);
/// "Intel(R) Xeon(R) Processor" of "cpu: Intel(R) Xeon(R) Processor, 2 cores, x86-64-v4";
/// "NVIDIA H200" of "cuda: NVIDIA H200 (sm_90a, 132 SMs), driver for CUDA 12.8".
[[nodiscard]] std::string device_name(const std::string& description);
/// "2.31x [2.27, 2.36] over the fastest baseline".
[[nodiscard]] std::string evidence(const BoardRow& row);

}  // namespace kw::exporter
