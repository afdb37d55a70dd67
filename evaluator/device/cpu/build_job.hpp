// SPDX-License-Identifier: Apache-2.0
// One build in the sandbox, from source to the bytes of a shared object.
#pragma once

#include "evaluator/device/cpu/build.hpp"

#include <optional>
#include <string>
#include <vector>

namespace kw::cpu {

struct BuildJob {
    sandbox::Sandbox& sandbox;
    const Toolchain& toolchain;
    const Task& task;
    const BuildRequest& request;
    std::string file_name = {};    ///< plain, ends in .cpp
    std::string header = {};       ///< text of the generated header
    std::string header_name = {};  ///< "<task>.h"
    std::vector<std::string> flags = {};
    std::optional<std::filesystem::path> pch_folder = {};
    double pch_ms = 0;  ///< spent to get the folder
};

struct BuiltObject {
    BuildOutcome outcome;       ///< without its artifact
    std::string shared_object;  ///< bytes; only when the outcome is accepted
};

/// Scan, preprocess once, scan what came out, compile that. An Error only when we could not.
[[nodiscard]] Result<BuiltObject> run_build_job(const BuildJob& job);

/// True when a shared object can be linked with -l<name>.
[[nodiscard]] bool links_with(
    sandbox::Sandbox& sandbox, const Toolchain& toolchain, const std::string& name);

}  // namespace kw::cpu
