// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.hpp"
#include "db/store.hpp"

#include <string>

namespace kw::server {

/// A campaign's evaluations as CSV (RFC 4180, with a head line, in the order they were stored), by
/// the judging that counts. What was not measured is empty. A text that a spreadsheet would take
/// for a formula gets a ' in front: notes are written by models. Errc::usage: no such campaign.
[[nodiscard]] Result<std::string> evaluations_csv(db::Store& store, const std::string& campaign);

/// One field, quoted where it must be.
[[nodiscard]] std::string csv_field(const std::string& text);

}  // namespace kw::server
