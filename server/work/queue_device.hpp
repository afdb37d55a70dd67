// SPDX-License-Identifier: Apache-2.0
// A device whose judgements are jobs of this process's queue: a campaign that the service runs
// shares lanes and workers with everybody else, and waits its turn.
#pragma once

#include "evaluator/evaluator.hpp"
#include "server/work/dispatch.hpp"

#include <atomic>
#include <string>

namespace kw::server {

struct QueueDeviceParts {
    db::Store& store;
    db::Queue& queue;
    Dispatch& dispatch;
    Wakeups& wakeups;
    Clock& clock;
    const std::atomic<int>& stop;  ///< not 0: withdraw what waits, judge nothing more
};

class QueueDevice final : public Device {
public:
    QueueDevice(
        std::string id, std::string campaign_prefix, std::int64_t token_id, QueueDeviceParts parts);

    [[nodiscard]] std::string id() const override { return id_; }
    [[nodiscard]] std::string description() const override;
    /// Errors: our outage, as the job says; Errc::interrupted; Errc::usage for a rival.
    Result<Evaluation> judge(
        const Task& task,
        const Candidate& candidate,
        const JudgeOptions& options,
        const StageObserver& observer) override;

private:
    Result<Evaluation> result_of(const JobRow& job);

    std::string id_;
    std::string prefix_;
    std::int64_t token_id_;
    QueueDeviceParts parts_;
};

}  // namespace kw::server
