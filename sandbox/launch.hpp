// SPDX-License-Identifier: Apache-2.0
// From a Command to a running Group.
#pragma once

#include "sandbox/cgroup.hpp"
#include "sandbox/fd.hpp"
#include "sandbox/group.hpp"
#include "sandbox/identity.hpp"
#include "sandbox/sandbox.hpp"
#include "sandbox/spawn.hpp"

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace kw::sandbox {

/// What a Sandbox found out once and uses for every child.
struct Setup {
    std::optional<std::filesystem::path> bwrap;  ///< none: mode "none"
    Identity identity;
    CgroupHome cgroup;
    bool landlock = false;
    Fd helper;  ///< inside.cpp as a memory file
    std::unique_ptr<Spawner> spawner;
    std::map<Filter, std::vector<std::byte>> filters;
};

struct Stdio {
    int in = -1;
    int out = -1;
    int err = -1;
};

/// Returns once the program runs. The caller adds what was written to stderr to an Error.
[[nodiscard]] Result<std::unique_ptr<Group>> launch(
    const Setup& setup, const Command& command, const Stdio& stdio);

/// In mode "none" nothing is bound anywhere: paths inside are replaced by the host's, where they
/// stand as whole path prefixes in arguments, environment values and the working directory.
[[nodiscard]] Command with_host_paths(const Command& command);

}  // namespace kw::sandbox
