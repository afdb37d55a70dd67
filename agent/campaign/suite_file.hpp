// SPDX-License-Identifier: Apache-2.0
// A suite: a list of tasks that share a budget, as a TOML file (benchmarks/suites/*.toml).
#pragma once

#include "core/result.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace kw::agent {

struct Suite {
    std::string name;  ///< [a-z0-9_-]
    std::string about;
    std::vector<std::string> tasks;  ///< names, each once, at least one
};

/// A mistake is Errc::config "FILE:LINE:COLUMN: what", with did-you-mean.
[[nodiscard]] Result<Suite> parse_suite(const std::string& text, const std::string& file);

/// By name in the folders suites/ below the task roots, an earlier root first; by path when `name`
/// has a slash or ends in ".toml". Unknown: Errc::usage with did-you-mean.
[[nodiscard]] Result<Suite> find_suite(
    const std::string& name, const std::vector<std::filesystem::path>& task_roots);

}  // namespace kw::agent
