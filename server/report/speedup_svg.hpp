// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/result.hpp"
#include "db/store.hpp"

#include <string>

namespace kw::server {

/// The best speed-up over evaluations as a figure for papers: a step a new best with its 95 %
/// interval, a tick an attempt that was not accepted. A plain SVG without script, style or outer
/// reference. Modelled and measured kernels are two lines. Errc::usage: no such campaign.
[[nodiscard]] Result<std::string> speedup_svg(db::Store& store, const std::string& campaign);

/// ASCII for XML; any other byte becomes "?".
[[nodiscard]] std::string xml_text(const std::string& text);

}  // namespace kw::server
