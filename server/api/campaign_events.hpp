// SPDX-License-Identifier: Apache-2.0
// A campaign's evaluations as server-sent events, from the database: whoever writes it, and from
// wherever a client left off.
#pragma once

#include "core/rows.hpp"
#include "db/store.hpp"
#include "server/http/message.hpp"

namespace kw::server {

/// Events "judged" with id = the evaluation's, behind `after`; "stopped" at the end of a campaign
/// that does not run.
[[nodiscard]] Response event_stream(
    db::Store& store, const CampaignRow& campaign, std::int64_t after);

}  // namespace kw::server
