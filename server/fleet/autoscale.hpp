// SPDX-License-Identifier: Apache-2.0
// How many workers there should be, from the length of the server's queue. A pure function: the
// loop around it is scale_loop.hpp.
#pragma once

#include "server/fleet/slurm.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace kw::server {

/// What the server has to do.
struct QueueLoad {
    std::int64_t waiting = 0;  ///< jobs that no worker holds
    std::int64_t leased = 0;   ///< jobs that a worker holds
};

struct ScaleRule {
    int min = 0;
    int max = 1;
    int jobs_per_worker = 4;  ///< as many unfinished jobs ask for one worker
    double idle_s = 120;      ///< workers that are too many for so long are drained
};

/// What the loop has seen.
struct FleetState {
    QueueLoad load;
    std::vector<SlurmJob> workers;  ///< is_worker(), those that were told to drain left out
    double surplus_s = 0;           ///< how long there have been more workers than wanted
    int failed_starts = 0;       ///< times in a row that all workers ended soon after their start
    double since_start_s = 1e9;  ///< since workers were started last
};

struct ScaleStep {
    int start = 0;
    std::vector<SlurmJob> drain;
    std::string why;  ///< for people, both when something is done and when not
};

/// min <= result <= max, unless min is larger.
[[nodiscard]] int wanted_workers(const ScaleRule& rule, const QueueLoad& load);

/// Seconds before workers are started again after so many starts that came to nothing.
[[nodiscard]] double start_pause_s(int failed_starts);

/// Up at once, down when the surplus has lasted: first those that wait for a node, then those that
/// started last.
[[nodiscard]] ScaleStep decide(const ScaleRule& rule, const FleetState& state);

}  // namespace kw::server
