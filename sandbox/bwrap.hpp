// SPDX-License-Identifier: Apache-2.0
// bubblewrap: where it is, its command line, and what its failures mean.
#pragma once

#include "sandbox/sandbox.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace kw::sandbox {

/// Looks for bwrap along $PATH.
[[nodiscard]] Result<std::filesystem::path> find_bwrap();

/// The whole command line up to and without the program to run. `seccomp_fd` is the number that
/// bwrap inherits the filter at.
[[nodiscard]] std::vector<std::string> bwrap_arguments(
    const std::filesystem::path& bwrap, const Command& command, int seccomp_fd);

/// What to do about bubblewrap's last words.
[[nodiscard]] std::string bwrap_advice(const std::string& stderr_text);

}  // namespace kw::sandbox
