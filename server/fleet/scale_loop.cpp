// SPDX-License-Identifier: Apache-2.0
#include "server/fleet/scale_loop.hpp"

#include "server/fleet/slurm_script.hpp"

#include <algorithm>
#include <set>

namespace kw::server {
namespace {

using std::chrono::nanoseconds;

constexpr double k_soon_s = 60;  ///< workers that are gone by then came to nothing
constexpr nanoseconds k_slice{200'000'000};

class ScaleLoop {
public:
    ScaleLoop(const FleetSettings& fleet, const ScaleSettings& settings, ScaleWorld& world)
        : fleet_(fleet)
        , settings_(settings)
        , world_(world) {}

    Result<void> step() {
        KW_TRY_ASSIGN(const std::vector<SlurmJob> jobs, world_.slurm.jobs(fleet_.name));
        KW_TRY_ASSIGN(const QueueLoad load, world_.load());
        const FleetState state = look(jobs, load);
        const ScaleStep next = decide(settings_.rule, state);
        if (next.start > 0) {
            KW_TRY_ASSIGN(const std::string script, slurm_script(fleet_, next.start));
            KW_TRY_ASSIGN(const std::string id, world_.slurm.submit(script));
            started_s_ = now_s();
            started_id_ = id;
            tell(next.why + ": started " + std::to_string(next.start) + " as job " + id);
        } else if (!next.drain.empty()) {
            KW_TRY(world_.slurm.end(next.drain, Ending::drain));
            for (const SlurmJob& job : next.drain) {
                draining_.insert(job.id);
            }
            tell(next.why + ": draining " + std::to_string(next.drain.size()));
        } else {
            tell(next.why);
        }
        return {};
    }

    void rest() {
        const double until = now_s() + settings_.every_s;
        while (!world_.stop() && now_s() < until) {
            world_.clock.sleep(k_slice);
        }
    }

    /// The same line is said once.
    void tell(const std::string& line) {
        if (line != told_) {
            told_ = line;
            world_.say(line);
        }
    }

private:
    double now_s() { return std::chrono::duration<double>(world_.clock.steady()).count(); }

    FleetState look(const std::vector<SlurmJob>& jobs, const QueueLoad& load) {
        FleetState state;
        state.load = load;
        std::set<std::string> still_draining;
        for (const SlurmJob& job : jobs) {
            if (!is_worker(job)) {
                continue;
            }
            if (draining_.contains(job.id) && is_running(job)) {
                still_draining.insert(job.id);
            } else {
                state.workers.push_back(job);
            }
        }
        draining_ = std::move(still_draining);
        note_start(state.workers);
        const bool surplus =
            static_cast<int>(state.workers.size()) > wanted_workers(settings_.rule, load);
        surplus_since_s_ = surplus ? std::min(surplus_since_s_, now_s()) : 1e18;
        state.surplus_s = surplus ? now_s() - surplus_since_s_ : 0;
        state.failed_starts = failed_starts_;
        state.since_start_s = now_s() - started_s_;
        return state;
    }

    /// Whether anything of what was started last lives.
    void note_start(const std::vector<SlurmJob>& workers) {
        if (started_id_.empty()) {
            return;
        }
        const bool alive = std::ranges::any_of(
            workers, [&](const SlurmJob& job) { return job.id.starts_with(started_id_ + "_"); });
        const bool soon = now_s() - started_s_ < k_soon_s;
        if (!alive || !soon) {
            failed_starts_ = !alive && soon ? failed_starts_ + 1 : 0;
            started_id_.clear();
        }
    }

    const FleetSettings& fleet_;
    const ScaleSettings& settings_;
    ScaleWorld& world_;
    std::set<std::string> draining_;
    double surplus_since_s_ = 1e18;
    double started_s_ = -1e18;
    std::string started_id_;  ///< until it is known what became of it
    int failed_starts_ = 0;
    std::string told_;
};

}  // namespace

Result<void> keep_scaled(
    const FleetSettings& fleet, const ScaleSettings& settings, ScaleWorld& world) {
    KW_TRY(check_fleet(fleet));
    if (settings.rule.min > settings.rule.max) {
        return Error{
            Errc::usage,
            "at least " + std::to_string(settings.rule.min) + " workers and at most " +
                std::to_string(settings.rule.max) + " exclude each other",
            "see --min and --max"};
    }
    ScaleLoop loop(fleet, settings, world);
    while (!world.stop()) {
        auto done = loop.step();
        if (settings.once || (!done && done.error().code != Errc::environment)) {
            return done;
        }
        if (!done) {
            loop.tell(done.error().what);
        }
        loop.rest();
    }
    return {};
}

}  // namespace kw::server
