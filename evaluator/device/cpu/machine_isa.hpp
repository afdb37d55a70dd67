// SPDX-License-Identifier: Apache-2.0
// What the processor can execute, from cpuid: levels of the x86-64 psABI, and an identity for
// caches of `-march=native` code.
#pragma once

#include <string>
#include <vector>

namespace kw::cpu {

/// A hash of everything -march=native is derived from: vendor, model, features, cache sizes. Two
/// machines with equal values build equal code with the same compiler.
[[nodiscard]] std::string machine_isa_id();

/// True for the names that code is built for: native, x86-64-v2, x86-64-v3, x86-64-v4, and
/// x86-64-v4-vnni (AVX512_VNNI besides), which packs have and no level of the psABI.
[[nodiscard]] bool is_isa_name(const std::string& isa);

/// What the compiler is told of it: one -march, and what it lacks.
[[nodiscard]] std::vector<std::string> machine_flags(const std::string& isa);

}  // namespace kw::cpu
