// SPDX-License-Identifier: Apache-2.0
// A pack before it is written: operations, the code of their kernels, and the rows that say when
// which of them runs. docs/export.md describes the written one.
#pragma once

#include "core/candidate.hpp"
#include "core/task.hpp"
#include "evaluator/device/cuda/launch_plan.hpp"
#include "exporter/domain.hpp"
#include "exporter/isa_level.hpp"
#include "exporter/selection.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kw::exporter {

struct CpuCode {
    IsaLevel level;
    bool checked = false;      ///< by the judge, at this level, when the pack was made
    bool keeps_state = false;  ///< the run-time lets in one call at a time
};

struct CudaCode {
    std::string arch;  ///< "sm_90a"
    std::string ptx;
    std::string cubin;  ///< empty: the driver compiles the PTX
    cuda::LaunchPlan plan;
    std::vector<cuda::KernelSignature> signatures;
    bool checked = false;  ///< on the emulated device of its architecture, when the pack was made
};

/// One kernel's code, however many devices have a row of it.
struct Unit {
    std::string id;  ///< "k7f3a91c2b4d5": part of symbols and file names
    Candidate candidate;
    std::vector<CpuCode> codes;                 ///< worst instruction set first
    std::map<std::string, std::string> absent;  ///< level -> why it has no code
    std::optional<CudaCode> cuda;               ///< then there are no `codes`
};

struct Row {
    StoredKernel kernel;
    std::size_t unit = 0;  ///< of the operation
    Domain domain;
};

struct Operation {
    Task task;
    std::vector<Unit> units;
    std::vector<Row> rows;  ///< best first
    std::string reference;  ///< source
    std::string naive;      ///< source of the naive baseline, "" when it needs more than x86-64-v3
};

struct Pack {
    std::string version;  ///< of kwright
    std::vector<Operation> operations;
    std::vector<Skipped> skipped;
};

/// Sizes of the run-time's tables: KWK_MAX_ARGS, _DIMS, _RANK, _KERNELS and _MAP_RANK of
/// library/src/kwk_runtime.h and kwk_cuda.h.
inline constexpr std::size_t k_most_args = 32;
inline constexpr std::size_t k_most_dims = 16;
inline constexpr std::size_t k_most_rank = 8;
inline constexpr std::size_t k_most_rows = 64;  ///< of an operation
inline constexpr std::size_t k_most_map_rank = 5;

/// Path in the pack -> bytes.
using Files = std::map<std::string, std::string>;

}  // namespace kw::exporter
