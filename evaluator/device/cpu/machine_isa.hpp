// SPDX-License-Identifier: Apache-2.0
// What the processor can execute, from cpuid: levels of the x86-64 psABI, and an identity for
// caches of `-march=native` code.
#pragma once

#include <string>

namespace kw::cpu {

/// A hash of everything -march=native is derived from: vendor, model, features, cache sizes. Two
/// machines with equal values build equal code with the same compiler.
[[nodiscard]] std::string machine_isa_id();

/// True for the names a candidate may ask for: native, x86-64-v2, x86-64-v3, x86-64-v4.
[[nodiscard]] bool is_isa_name(const std::string& isa);

}  // namespace kw::cpu
