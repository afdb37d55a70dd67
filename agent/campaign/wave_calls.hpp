// SPDX-License-Identifier: Apache-2.0
// The model calls of one wave: reserved together, in flight together, each stored and settled the
// moment it arrives, whatever the campaign's own thread is doing. Replies are handed out in the
// order they are asked for. A reply that was stored survives kill -9; a call in flight is found in
// the ledger and charged.
#pragma once

#include "agent/campaign/paid_call.hpp"
#include "agent/proposers/proposer.hpp"
#include "core/clock.hpp"
#include "core/rows.hpp"

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kw::agent {

/// The row of a reply; `seconds` as the proposer took.
[[nodiscard]] ReplyRow reply_row(
    std::int64_t campaign_id,
    const Proposer& proposer,
    const ProposeRequest& request,
    Reply reply,
    double seconds,
    std::int64_t utc_ms);

/// Purpose of these calls in the ledger.
inline constexpr const char* k_proposal = "proposal";

/// Seconds of [from, to] that lie in the intervals, which do not overlap.
[[nodiscard]] double seconds_within(
    const std::vector<std::pair<std::chrono::nanoseconds, std::chrono::nanoseconds>>& intervals,
    std::chrono::nanoseconds from,
    std::chrono::nanoseconds to);

class WaveCalls {
public:
    /// `proposer.concurrent()` is not null.
    WaveCalls(Proposer& proposer, Ledger& ledger, Clock& clock, std::int64_t campaign_id);
    ~WaveCalls();  ///< cancels what is in flight, and waits for its end
    WaveCalls(const WaveCalls&) = delete;
    WaveCalls& operator=(const WaveCalls&) = delete;

    /// Reserves in order, as many as the ledger allows, and starts those. The limit that kept the
    /// next one back, if there was one.
    Result<std::optional<std::string>> start(const std::vector<ProposeRequest>& requests);
    [[nodiscard]] bool has(const ProposeRequest& request) const;

    struct Arrival {
        ReplyRow row;  ///< stored
        std::string remark;
        double queued_s = 0;  ///< of the wait for it, spent in a queue for a rate limit
        /// The limit that allowed no further try; then there is no row.
        std::optional<std::string> refused;
    };
    /// Waits for a request that was started; once each. Errc::interrupted when `stopped` turns
    /// true.
    Result<Arrival> wait(const ProposeRequest& request, const std::atomic<int>& stopped);

    /// Nothing is tried again; what is being answered is waited for and stored, unless `stopped`.
    void finish(const std::atomic<int>& stopped);

private:
    struct Flight;
    struct EndMark;
    void ended(Flight& flight, CallEnd end);
    void wait_until(const std::function<bool()>& done, const std::atomic<int>& stopped);
    [[nodiscard]] Flight* find(const ProposeRequest& request) const;
    [[nodiscard]] bool all_ended() const;

    Proposer& proposer_;
    Ledger& ledger_;
    Clock& clock_;
    std::int64_t campaign_id_;
    mutable std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<std::unique_ptr<Flight>> flights_;
};

}  // namespace kw::agent
