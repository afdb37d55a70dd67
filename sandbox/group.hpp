// SPDX-License-Identifier: Apache-2.0
// One sandboxed process group, from its start to its last word.
#pragma once

#include "sandbox/cgroup.hpp"
#include "sandbox/fd.hpp"
#include "sandbox/inside/protocol.hpp"
#include "sandbox/sandbox.hpp"
#include "sandbox/spawn.hpp"

#include <chrono>
#include <memory>
#include <optional>

namespace kw::sandbox {

/// How the program ended by itself or was ended; the raw facts behind an Outcome.
struct Ending {
    int wait_status = 0;
    double wall_s = 0;
    double cpu_s = 0;
    std::int64_t peak_bytes = 0;
    std::int64_t oom_kills = 0;
    bool never = false;  ///< SIGKILL did not end it: given up, and not reaped
};

/// Why *we* ended it.
enum class Cause { itself, wall_limit, output_limit, killed_by_us };

/// The helper and everything below it. Destroying it kills and reaps.
class Group {
public:
    Group() = default;
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;
    ~Group();

    /// Waits for the helper's first report, hands it the orders, and returns once the program runs.
    Result<void> begin(const inside::Orders& orders, const std::string& program);

    /// Readable when the helper has something to say or is gone.
    [[nodiscard]] int poll_fd() const { return control.get(); }
    /// True once the program has ended by itself and everything below is dead; does not block.
    [[nodiscard]] bool ended();
    /// Ends it if it still runs, reaps it and says how it ended. Idempotent.
    const Ending& finish();

    // Set by the one who spawns (launch.cpp), before begin().
    Spawned outer;  ///< bubblewrap, or the helper itself without one
    Fd control;     ///< our end of the socket pair
    std::unique_ptr<MemoryGroup> memory;

    // Set by begin().
    pid_t helper_pid = -1;
    pid_t program_pid = -1;
    Fd helper_pidfd;
    Fd program_pidfd;

private:
    struct Heard {
        inside::Report report;
        pid_t from = -1;
    };
    std::optional<Heard> hear(std::chrono::steady_clock::time_point until);
    void reap();
    [[nodiscard]] bool seen_dead();

    std::chrono::steady_clock::time_point started_{};
    std::optional<inside::Report> last_;  ///< the `ended` report
    std::optional<Ending> ending_;
};

/// Fills in how it ended; output is the caller's.
[[nodiscard]] Outcome decode(const Ending& ending, Cause cause, const Limits& limits);

}  // namespace kw::sandbox
