// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/rows.hpp"

#include <string>

namespace kw::server {

/// The command line that starts such a campaign again: with the stored limits, as `resume` left
/// them. Of a campaign whose settings this program did not write what its row says.
[[nodiscard]] std::string campaign_command(const CampaignRow& campaign);

}  // namespace kw::server
