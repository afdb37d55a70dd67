// SPDX-License-Identifier: Apache-2.0
// The compiler's arguments: what every build gets, and what a candidate may add.
#pragma once

#include "evaluator/device/cpu/build.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kw::cpu {

/// Flags of a compilation, without input, output and headers. The candidate's flags come last.
[[nodiscard]] std::vector<std::string> compile_flags(
    const Toolchain& toolchain,
    SourceKind kind,
    const std::string& isa,
    const std::vector<std::string>& extra);

/// Flags of the link step, before the libraries.
[[nodiscard]] std::vector<std::string> link_flags();

/// The first flag that is not on the allow-list.
[[nodiscard]] std::optional<std::string> first_forbidden_flag(
    const std::vector<std::string>& flags);

}  // namespace kw::cpu
