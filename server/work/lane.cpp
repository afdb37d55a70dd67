// SPDX-License-Identifier: Apache-2.0
#include "server/work/lane.hpp"

#include "agent/campaign/stored_candidate.hpp"
#include "core/hash.hpp"
#include "core/log.hpp"

#include <algorithm>
#include <exception>
#include <fstream>
#include <sstream>

namespace kw::server {

namespace {

constexpr std::chrono::milliseconds k_first_pause{500};
constexpr std::chrono::milliseconds k_longest_pause{30'000};

db::JobOutcome outage(std::string error) {
    db::JobOutcome outcome;
    outcome.kind = db::JobOutcome::Kind::outage;
    outcome.error = std::move(error);
    return outcome;
}

db::JobOutcome judged(Evaluation result) {
    db::JobOutcome outcome;
    outcome.kind = db::JobOutcome::Kind::judged;
    outcome.result = std::move(result);
    return outcome;
}

db::JobOutcome judge_or_throw(const Lease& lease, Device& device, TaskShelf& tasks, bool builds) {
    const auto task = tasks.get(lease.task);
    if (!task) {
        return outage("task " + lease.task + " is not here: " + task.error().what);
    }
    if (hash_for(**task, lease.candidate.target) != lease.task_hash) {
        return outage("task " + lease.task + " differs here from the one that was asked for");
    }
    if (auto refused = agent::refused(lease.candidate, device.id())) {
        return judged(std::move(*refused));
    }
    auto options = judge_options_of(lease.options, lease.seed);
    if (!options) {
        return outage(options.error().what);
    }
    options->built_only = builds;
    auto result = judge(device, **task, lease.candidate, *options);
    if (!result) {
        return outage(result.error().what);
    }
    if (builds && result->verdict == Verdict::compiled_only) {
        db::JobOutcome passed;
        passed.kind = db::JobOutcome::Kind::passed;
        return passed;
    }
    return judged(std::move(*result));
}

}  // namespace

db::JobOutcome judge_lease(const Lease& lease, Device& device, TaskShelf& tasks, bool builds) {
    try {
        return judge_or_throw(lease, device, tasks, builds);
    } catch (const std::exception& error) {  // a bug of ours costs an attempt and not the lane
        log::write(log::Level::error, std::string("lane: ") + error.what());
        return outage(std::string("a bug of kwright's: ") + error.what());
    }
}

Lane::Lane(LeaseSource& source, TaskShelf& tasks, DeviceOf device_of, LaneSettings settings)
    : source_(&source)
    , tasks_(&tasks)
    , device_of_(std::move(device_of))
    , settings_(std::move(settings))
    , thread_([this] { run(); }) {}

Lane::~Lane() {
    abandon();
    join();
}

void Lane::stop() {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
    changed_.notify_all();
}

void Lane::abandon() {
    std::string lease_id;
    {
        const std::lock_guard guard(mutex_);
        stopping_ = abandoned_ = true;
        lease_id = held_;
        changed_.notify_all();
    }
    if (!lease_id.empty()) {
        if (const auto given = source_->give_back(lease_id); !given) {
            log::warn("lane: giving a lease back: " + given.error().what);
        }
    }
}

void Lane::join() {
    if (thread_.joinable()) {
        thread_.join();
    }
}

/// False: the lane is to stop.
bool Lane::pause(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, time, [this] { return stopping_; });
    return !stopping_;
}

void Lane::run() {
    db::Claim claim{settings_.self, settings_.task_hashes};
    auto wait = k_first_pause;
    while (pause(std::chrono::milliseconds(0))) {
        const auto lease = source_->claim(claim, settings_.poll);
        if (!lease) {
            log::warn("lane " + settings_.self.name + ": " + lease.error().what);
            pause(wait);
            wait = std::min(2 * wait, k_longest_pause);
            continue;
        }
        wait = k_first_pause;
        if (*lease) {
            work(**lease);
        }
    }
    ended_ = true;
}

void Lane::work(const Lease& lease) {
    {
        const std::lock_guard guard(mutex_);
        held_ = lease.id;
        judging_ = true;
    }
    std::thread heart([this, &lease] { beat(lease); });
    const bool builds =
        lease.stage == "build" && std::ranges::count(settings_.self.kinds, "time") == 0;
    const auto device = device_of_(lease);
    db::JobOutcome outcome =
        device ? judge_lease(lease, **device, *tasks_, builds) : outage(device.error().what);
    outcome.evaluator_hash = settings_.self.evaluator_hash;
    bool dropped = false;
    {
        const std::lock_guard guard(mutex_);
        judging_ = false;
        dropped = abandoned_;
        changed_.notify_all();
    }
    heart.join();
    if (!dropped) {
        deliver(lease, outcome);
    }
    const std::lock_guard guard(mutex_);
    held_.clear();
}

void Lane::beat(const Lease& lease) {
    const auto often = std::min(settings_.heartbeat, std::chrono::milliseconds(lease.lease_ms / 4));
    std::unique_lock lock(mutex_);
    while (judging_ && !abandoned_) {
        changed_.wait_for(lock, often, [this] { return !judging_ || abandoned_; });
        if (!judging_ || abandoned_) {
            return;
        }
        lock.unlock();
        const auto held = source_->heartbeat(lease.id);
        if (!held) {
            log::warn("lane " + settings_.self.name + ": heartbeat: " + held.error().what);
        }
        lock.lock();
    }
}

/// The work is done: a source that cannot be reached for a moment must not cost it.
void Lane::deliver(const Lease& lease, const db::JobOutcome& outcome) {
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + std::chrono::milliseconds(lease.lease_ms);
    for (auto wait = k_first_pause;; wait = std::min(2 * wait, k_longest_pause)) {
        const auto taken = source_->finish(lease.id, outcome);
        if (taken) {
            finished_ += *taken == db::Finished::What::lost ? 0 : 1;
            return;
        }
        log::warn("lane " + settings_.self.name + ": " + taken.error().what);
        if (Clock::now() >= until) {
            return;
        }
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, wait, [this] { return abandoned_; });
        if (abandoned_) {
            return;
        }
    }
}

std::string evaluator_hash(const std::filesystem::path& harness_dir) {
    Hasher hasher;
    std::vector<std::filesystem::path> programs = {"/proc/self/exe"};
    for (const char* name : {"kw-runner", "kw-emu", "kw-nvrtc", "kw-gpu"}) {
        programs.push_back(harness_dir / name);
    }
    for (const auto& program : programs) {
        std::ifstream in(program, std::ios::binary);
        std::ostringstream bytes;
        bytes << in.rdbuf();
        hasher.add(std::string_view(bytes.view()));
    }
    return hasher.hex();
}

}  // namespace kw::server
