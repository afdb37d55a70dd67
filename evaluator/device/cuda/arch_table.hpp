// SPDX-License-Identifier: Apache-2.0
// What each architecture does in hardware: which instruction classes its tensor cores execute, and
// which the assembler only imitates. An instruction that assembles is not one that is fast: ptxas
// turns mma of s4 for sm_90a into a page of ordinary instructions. Sources: docs/gpu.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kw::cuda {

enum class Support { native, emulated, absent };
[[nodiscard]] std::string_view name(Support support);

struct ArchTraits {
    std::string_view arch;
    std::string_view generation;  ///< "Hopper"
    double most_macs = 0;         ///< multiply-adds a clock and SM of the fastest dense class
    bool clusters = false;        ///< and bulk copies by tensor map
};
/// Null for an architecture that kwright does not know.
[[nodiscard]] const ArchTraits* arch_traits(std::string_view arch);

/// Of one class of cuda_class_names() (core/task.hpp) on an architecture; unknown ones are absent.
[[nodiscard]] Support support_of(std::string_view arch, std::string_view instruction_class);
/// "mma.f16, mma.bf16, ...": the matrix classes with the given support, in the table's order.
[[nodiscard]] std::string classes_with(std::string_view arch, Support support);
/// Lines for a prompt: what is native, what to keep away from.
[[nodiscard]] std::vector<std::string> capability_lines(std::string_view arch);

}  // namespace kw::cuda
