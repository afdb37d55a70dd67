// SPDX-License-Identifier: Apache-2.0
// The queue as workers see it: leases with their sources, and whoever waits for a job is woken when
// it moves. Serves the lanes of this process directly and remote workers through the API.
#pragma once

#include "db/queue.hpp"
#include "server/http/wakeups.hpp"
#include "server/work/lease.hpp"

#include <atomic>

namespace kw::server {

class Dispatch final : public LeaseSource {
public:
    Dispatch(db::Store& store, db::Queue& queue, Wakeups& wakeups);

    Result<std::optional<Lease>> claim(
        const db::Claim& claim, std::chrono::milliseconds wait) override;
    Result<bool> heartbeat(const std::string& lease_id) override;
    Result<db::Finished::What> finish(
        const std::string& lease_id, const db::JobOutcome& outcome) override;
    Result<void> give_back(const std::string& lease_id) override;
    void interrupt() override;

    // --- for the API, which answers what it is told ---
    Result<std::optional<Lease>> claim_now(const db::Claim& claim);
    Result<db::Finished> finish_job(const std::string& lease_id, const db::JobOutcome& outcome);
    /// False: not held.
    Result<bool> give_back_job(const std::string& lease_id);
    /// After Queue::submit() and cancel().
    void submitted();
    void cancelled(std::int64_t job_id);

private:
    Result<std::optional<Lease>> lease_of(const JobRow& job);

    db::Store* store_;
    db::Queue* queue_;
    Wakeups* wakeups_;
    std::atomic<bool> interrupted_{false};
};

}  // namespace kw::server
