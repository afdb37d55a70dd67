// SPDX-License-Identifier: Apache-2.0
// What a stored campaign has tried, read back from its rows.
#pragma once

#include "agent/search/history.hpp"
#include "core/result.hpp"
#include "core/rows.hpp"
#include "db/store.hpp"

namespace kw::agent {

struct StoredHistory {
    History history;
    double device_s = 0;  ///< of evaluations and promotions, without waits for the lane
};

/// Each attempt with the judging that counts.
[[nodiscard]] Result<StoredHistory> stored_history(
    db::Store& store, const CampaignRow& campaign, double gamma);

}  // namespace kw::agent
