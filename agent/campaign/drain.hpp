// SPDX-License-Identifier: Apache-2.0
// Candidates of a campaign whose device was not there: built and checked elsewhere, not yet timed.
#pragma once

#include "agent/campaign/rejudge.hpp"

#include <string>
#include <vector>

namespace kw::agent {

/// EvaluationRow::state of an accepted candidate that no device has timed.
inline constexpr const char* k_waiting = "waiting_device";

/// Those that wait for `device_id`, oldest campaign first; "": for any device. rejudge() measures
/// one: its waiting row is stale then.
[[nodiscard]] Result<std::vector<StoredJudging>> waiting_judgings(
    db::Store& store, const std::string& device_id);

}  // namespace kw::agent
