// SPDX-License-Identifier: Apache-2.0
// fork and exec with exactly the descriptors, the user and the environment asked for.
#pragma once

#include "core/result.hpp"
#include "sandbox/fd.hpp"
#include "sandbox/identity.hpp"

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace kw::sandbox {

struct SpawnPlan {
    std::vector<std::string> argv;  ///< argv[0] is executed as it stands
    std::vector<std::string> env;   ///< "NAME=value", the whole environment
    std::filesystem::path cwd = "/";
    Identity identity;
    /// Ours -> the child's number. 0, 1 and 2 must be among them; every other descriptor is closed
    /// on exec.
    std::vector<std::pair<int, int>> fds;
    /// Host paths that the child must be able to reach as `identity`; checked before exec.
    std::vector<std::filesystem::path> must_reach;
};

struct Spawned {
    pid_t pid = -1;
    Fd pidfd;
};

/// Errc::environment when the child could not get as far as exec.
[[nodiscard]] Result<Spawned> spawn(const SpawnPlan& plan);

}  // namespace kw::sandbox
