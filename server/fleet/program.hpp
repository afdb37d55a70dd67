// SPDX-License-Identifier: Apache-2.0
// Runs one of the cluster's own programs (sbatch, squeue, scancel) to its end. Trusted programs,
// not candidates: those run in sandbox/.
#pragma once

#include "core/result.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace kw::server {

struct ProgramEnd {
    int exit_code = 0;  ///< 128 + signal when one ended it
    std::string out;    ///< at most 8 MiB
    std::string err;    ///< at most 64 KiB
};

/// argv[0] is looked up in PATH; `input` is its stdin. No shell. Errc::environment: not there, or
/// no end in time (then it was killed).
using RunProgram = std::function<Result<ProgramEnd>(
    const std::vector<std::string>& argv, const std::string& input)>;

[[nodiscard]] Result<ProgramEnd> run_program(
    const std::vector<std::string>& argv,
    const std::string& input,
    std::chrono::milliseconds at_most = std::chrono::seconds(60));

}  // namespace kw::server
