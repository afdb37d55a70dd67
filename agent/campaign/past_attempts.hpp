// SPDX-License-Identifier: Apache-2.0
// What earlier campaigns of a task tried, for estimates that learn from it.
#pragma once

#include "agent/value/value.hpp"
#include "core/result.hpp"
#include "core/rows.hpp"
#include "db/store.hpp"

#include <cstddef>
#include <vector>

namespace kw::agent {

/// Of campaigns older than `campaign` on the same device and version of the task, the newest
/// `at_most` attempts that were judged: replies without a source, duplicates, withdrawn ones and
/// our own failures say nothing about a source.
[[nodiscard]] Result<std::vector<PastAttempt>> past_attempts(
    db::Store& store, const CampaignRow& campaign, std::size_t at_most);

}  // namespace kw::agent
