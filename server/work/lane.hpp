// SPDX-License-Identifier: Apache-2.0
// A thread that takes leases and judges them, one at a time, until it is told to stop. The lanes of
// a serve process and those of a remote worker are the same; only the LeaseSource differs.
#pragma once

#include "core/result.hpp"
#include "evaluator/evaluator.hpp"
#include "server/work/lease.hpp"
#include "server/work/task_shelf.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace kw::server {

/// Everything about a lease but the queue: finds the task, judges, says what came of it. `builds`:
/// a lease of stage "build" ends with the build.
[[nodiscard]] db::JobOutcome judge_lease(
    const Lease& lease, Device& device, TaskShelf& tasks, bool builds);

/// The device that judges a lease; it belongs to the lane's thread.
using DeviceOf = std::function<Result<Device*>(const Lease& lease)>;

struct LaneSettings {
    /// kinds {"time"} or {"time", "build"}: judges in full; {"build"}: builds.
    WorkerRow self;
    std::vector<std::string> task_hashes;  ///< empty = any
    std::chrono::milliseconds heartbeat{15'000};
    std::chrono::milliseconds poll{25'000};  ///< one claim waits so long
};

class Lane {
public:
    /// `source` and `tasks` outlive the lane.
    Lane(LeaseSource& source, TaskShelf& tasks, DeviceOf device_of, LaneSettings settings);
    ~Lane();  ///< abandon(), then waits for the thread
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    /// No further lease; what is being judged is finished. The source must be interrupt()ed too.
    void stop();
    /// What is being judged goes back to the queue now, and its result will be dropped.
    void abandon();
    /// After stop(): whether the thread has ended.
    [[nodiscard]] bool ended() const { return ended_; }
    void join();
    [[nodiscard]] std::int64_t finished() const { return finished_; }

private:
    void run();
    void work(const Lease& lease);
    void beat(const Lease& lease);
    void deliver(const Lease& lease, const db::JobOutcome& outcome);
    bool pause(std::chrono::milliseconds time);

    LeaseSource* source_;
    TaskShelf* tasks_;
    DeviceOf device_of_;
    LaneSettings settings_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    bool abandoned_ = false;
    std::string held_;      ///< lease in hand
    bool judging_ = false;  ///< the heart beats
    std::atomic<bool> ended_{false};
    std::atomic<std::int64_t> finished_{0};
    std::thread thread_;
};

/// SHA-256 over this program and the harness programs beside it: results say what judged them.
[[nodiscard]] std::string evaluator_hash(const std::filesystem::path& harness_dir);

}  // namespace kw::server
