// SPDX-License-Identifier: Apache-2.0
// fork and exec with exactly the descriptors, the user and the environment asked for.
#pragma once

#include "core/result.hpp"
#include "sandbox/fd.hpp"
#include "sandbox/identity.hpp"

#include <sys/types.h>

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <future>
#include <mutex>
#include <string>
#include <thread>
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

/// Forks from one thread that lives as long as this object. "Die with the parent"
/// (PR_SET_PDEATHSIG) means the parent *thread*: a child started from a worker thread would be
/// killed when that worker ends.
class Spawner {
public:
    Spawner();
    ~Spawner();
    Spawner(const Spawner&) = delete;
    Spawner& operator=(const Spawner&) = delete;

    /// spawn() on that thread; any thread may call.
    [[nodiscard]] Result<Spawned> spawn(const SpawnPlan& plan);

private:
    void work();

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::packaged_task<Result<Spawned>()>> queue_;
    bool stop_ = false;
    std::thread thread_;  // last: it uses the others
};

}  // namespace kw::sandbox
