// SPDX-License-Identifier: Apache-2.0
// The queue of a server elsewhere, as lanes see it: leases over HTTP(S), outbound only.
#pragma once

#include "core/clock.hpp"
#include "server/client/link.hpp"
#include "server/work/lease.hpp"

#include <atomic>
#include <memory>

namespace kw::server {

class HttpLeases final : public LeaseSource {
public:
    /// `clock` outlives it.
    HttpLeases(std::unique_ptr<ServerLink> link, Clock& clock);

    /// A server that does not answer, or refuses, is an Error at once: the lane asks again.
    Result<std::optional<Lease>> claim(
        const db::Claim& claim, std::chrono::milliseconds wait) override;
    Result<bool> heartbeat(const std::string& lease_id) override;
    /// Once more and once more while the server restarts; `lost` when it gave the lease away.
    Result<db::Finished::What> finish(
        const std::string& lease_id, const db::JobOutcome& outcome) override;
    Result<void> give_back(const std::string& lease_id) override;
    void interrupt() override { interrupted_ = true; }

private:
    Result<ApiAnswer> ask(const ApiCall& call, double deadline_s);

    std::unique_ptr<ServerLink> link_;
    Clock* clock_;
    std::atomic<bool> interrupted_{false};
};

}  // namespace kw::server
