// SPDX-License-Identifier: Apache-2.0
// The programs that run inside the sandbox (evaluator/harness/), where the sandbox's user can reach
// them: the build tree may lie below a folder of mode 0700.
#pragma once

#include "core/result.hpp"
#include "sandbox/sandbox.hpp"

#include <filesystem>
#include <string>

namespace kw {

/// A copy of `harness_dir`/`name` that lives as long as the sandbox. Absent: Errc::environment.
[[nodiscard]] Result<std::filesystem::path> place_program(
    sandbox::Sandbox& sandbox, const std::filesystem::path& harness_dir, const std::string& name);

}  // namespace kw
