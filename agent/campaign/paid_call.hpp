// SPDX-License-Identifier: Apache-2.0
// One model call as the ledger sees it: every try that may be billed has a reservation of its own.
#pragma once

#include "agent/budget/ledger.hpp"
#include "agent/proposers/proposer.hpp"

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kw::agent {

/// "STEP-SLOT-ID", what the provider is told of a reservation.
[[nodiscard]] std::string call_id(const ProposeRequest& request, std::int64_t reservation);

/// The proposer's worst case for the request.
[[nodiscard]] PlannedCall planned_call(
    const Proposer& proposer, const ProposeRequest& request, const std::string& purpose);

struct PaidCall : CallMeter {
    PaidCall(Ledger& the_ledger, PlannedCall the_plan, ProposeRequest the_request);
    std::optional<std::string> pay_again() override;

    Ledger& ledger;
    PlannedCall plan;
    ProposeRequest request;
    std::int64_t call = 0;         ///< reservation of the try under way; 0 = it is charged already
    std::optional<Error> failure;  ///< of the database
    std::optional<std::string> refused;  ///< the limit that allowed no further try
};

/// Calls besides the proposals, one at a time: a critic's, a value estimate's. An answer stays
/// reserved until settle(), so that what was learnt from it can be stored first: a process that
/// dies between the two has paid the worst case and does not ask again.
class SideCalls {
public:
    SideCalls(Proposer& proposer, Ledger& ledger, std::string purpose)
        : proposer_(proposer)
        , ledger_(ledger)
        , purpose_(std::move(purpose)) {}

    /// Errc::model also when no limit has room for the call: see refused().
    Result<Reply> ask(const ProposeRequest& request, const std::atomic<int>& cancelled);
    /// The limit that kept the last call from being made.
    [[nodiscard]] const std::optional<std::string>& refused() const { return refused_; }
    /// Charges what was answered since the last time.
    Result<void> settle();
    /// Seconds in queues for a rate limit since the last time: they are not charged.
    [[nodiscard]] double take_queued_s();

private:
    struct Answered {
        std::int64_t call;
        CallCost cost;
    };
    Result<Reply> answer_of(PaidCall& paid, const std::atomic<int>& cancelled, bool& billed);

    Proposer& proposer_;
    Ledger& ledger_;
    std::string purpose_;
    std::optional<std::string> refused_;
    std::vector<Answered> answered_;
    double queued_s_ = 0;
};

}  // namespace kw::agent
