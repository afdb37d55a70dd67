// SPDX-License-Identifier: Apache-2.0
#include "server/fleet/autoscale.hpp"

#include "server/fleet/slurm_script.hpp"

#include <algorithm>
#include <cmath>

namespace kw::server {
namespace {

constexpr double k_first_pause_s = 30;
constexpr double k_longest_pause_s = 900;

std::string counts(const FleetState& state, int wanted) {
    return std::to_string(state.load.waiting) + " waiting, " + std::to_string(state.load.leased) +
           " being judged, " + std::to_string(state.workers.size()) + " workers, " +
           std::to_string(wanted) + " wanted";
}

std::vector<SlurmJob> surplus_of(std::vector<SlurmJob> workers, std::size_t count) {
    std::ranges::stable_sort(workers, [](const SlurmJob& a, const SlurmJob& b) {
        return is_running(a) != is_running(b) ? is_running(b) : a.seconds < b.seconds;
    });
    workers.resize(std::min(count, workers.size()));
    return workers;
}

}  // namespace

int wanted_workers(const ScaleRule& rule, const QueueLoad& load) {
    const std::int64_t jobs =
        std::max<std::int64_t>(load.waiting, 0) + std::max<std::int64_t>(load.leased, 0);
    const std::int64_t each = std::max(rule.jobs_per_worker, 1);
    const std::int64_t wanted = jobs / each + (jobs % each != 0 ? 1 : 0);
    return static_cast<int>(
        std::clamp<std::int64_t>(wanted, rule.min, std::max(rule.min, rule.max)));
}

double start_pause_s(int failed_starts) {
    return failed_starts <= 0
               ? 0
               : std::min(k_longest_pause_s, k_first_pause_s * std::exp2(failed_starts - 1));
}

ScaleStep decide(const ScaleRule& rule, const FleetState& state) {
    ScaleStep step;
    const int wanted = wanted_workers(rule, state.load);
    const int here = static_cast<int>(state.workers.size());
    step.why = counts(state, wanted);
    if (here < wanted) {
        if (state.since_start_s < start_pause_s(state.failed_starts)) {
            step.why += "; the last workers ended at once: see their logs";
            return step;
        }
        step.start = std::min(wanted - here, k_most_workers);
    } else if (here > wanted && state.surplus_s >= rule.idle_s) {
        step.drain = surplus_of(state.workers, static_cast<std::size_t>(here - wanted));
    }
    return step;
}

}  // namespace kw::server
