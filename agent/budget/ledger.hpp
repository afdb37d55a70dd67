// SPDX-License-Identifier: Apache-2.0
// What a campaign has spent, and whether its budget allows one more call or judgement. Money and
// tokens are reserved, at their worst case and in the database, before a call is made: no limit is
// ever exceeded, whatever is in flight and whenever the process dies. A judgement reserves its cap
// of device time. The limit on wall time is looked at before each call and judgement; the one under
// way may end behind it.
#pragma once

#include "agent/campaign/campaign.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace kw::agent {

struct Spend {
    int evaluations = 0;
    double usd = 0;
    std::int64_t tokens = 0;
    double seconds = 0;         ///< wall time, without waits for the device or a rate limit
    double device_seconds = 0;  ///< of judgings, promotions included, without waits for the device
};

/// Worst case of the call or judgement to come.
struct Reservation {
    double usd = 0;  ///< negative = unknown
    std::int64_t tokens = 0;
    double device_seconds = 0;
};

/// "budget: evaluations" | "budget: usd" | "budget: tokens" | "budget: time" | "budget: device
/// time" when one more would go over a limit.
[[nodiscard]] std::optional<std::string> over_budget(
    const Budget& budget, const Spend& spend, const Reservation& next);

/// Errc::usage: no limit at all, a negative one, or a money limit with an unknown price.
[[nodiscard]] Result<void> check_budget(const Budget& budget, bool price_known);

/// A stored count of tokens within what a call can have: a file from elsewhere may say anything.
[[nodiscard]] std::int64_t counted_tokens(std::int64_t stored);

/// What a call costs the budget: the reservation until it is settled, and for ever once lost.
[[nodiscard]] double charged_usd(const ModelCallRow& call);
[[nodiscard]] std::int64_t charged_tokens(const ModelCallRow& call);

/// One call to come.
struct PlannedCall {
    int step = 0;
    int slot = 0;
    std::string purpose = "proposal";
    std::string model;
    Reservation worst;
};

/// What a call cost, as the provider says.
struct CallCost {
    std::int64_t tokens_in = 0;
    std::int64_t tokens_cached = 0;  ///< of tokens_in
    std::int64_t tokens_out = 0;
    double usd = 0;
};

/// The calls of one campaign, in the database. May be used by several threads.
class Ledger {
public:
    /// Reads what is there. What was in flight when the process died is lost: the provider may have
    /// billed it.
    static Result<std::unique_ptr<Ledger>> open(
        db::Store& store, Clock& clock, std::int64_t campaign_id, const Budget& budget);

    struct Reserved {
        std::vector<std::int64_t> ids;       ///< of the calls at the front that fit
        std::optional<std::string> refused;  ///< the limit that the next one would pass
    };
    /// One transaction.
    Result<Reserved> reserve(const std::vector<PlannedCall>& calls);

    /// The call's price and its reply, in one transaction; the reply may be null.
    Result<void> settle(std::int64_t id, const CallCost& cost, const ReplyRow* reply);
    /// It may have been billed, and what it cost is not known.
    Result<void> lose(std::int64_t id);
    /// It was surely not billed.
    Result<void> release(std::int64_t id) { return settle(id, {}, nullptr); }

    struct Totals {
        double usd = 0;           ///< settled and lost
        double reserved_usd = 0;  ///< in flight
        std::int64_t tokens = 0;  ///< settled and lost
        std::int64_t reserved_tokens = 0;
        std::int64_t tokens_in = 0;  ///< settled
        std::int64_t tokens_out = 0;
        int lost = 0;               ///< calls
        std::int64_t ended_ms = 0;  ///< when the last settled call ended, UTC; 0 = none
    };
    [[nodiscard]] Totals totals() const;

private:
    Ledger(db::Store& store, Clock& clock, std::int64_t campaign_id, const Budget& budget)
        : store_(store)
        , clock_(clock)
        , campaign_id_(campaign_id)
        , budget_(budget) {}
    void count(const ModelCallRow& row);
    [[nodiscard]] Totals totals_now() const;
    Result<void> end(std::int64_t id, const std::string& state, const CallCost&, const ReplyRow*);

    db::Store& store_;
    Clock& clock_;
    std::int64_t campaign_id_;
    Budget budget_;
    mutable std::mutex mutex_;
    std::map<std::int64_t, ModelCallRow> open_;  ///< in flight, by id
    Totals ended_;                               ///< without reserved_*
};

}  // namespace kw::agent
