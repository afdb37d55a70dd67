// SPDX-License-Identifier: Apache-2.0
// The parameters of the synthetic bed as a TOML file: what was fitted to recorded campaigns, what
// was chosen because no record determines it, and the prices. The file that comes with kwright is
// frozen: another fit is another file.
#pragma once

#include "agent/ablate/synthetic_bed.hpp"
#include "core/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace kw::agent {

/// Errc::config "FILE:LINE:COLUMN: what" with did-you-mean for an unknown key. Every key must be
/// there.
[[nodiscard]] Result<SyntheticParams> parse_bed(
    const std::string& text, const std::string& file_name);

/// A file that parse_bed() reads back to the same numbers. `remarks` become its first comment
/// lines.
[[nodiscard]] std::string bed_text(
    const SyntheticParams& params, const std::vector<std::string>& remarks);

/// agent/ablate/beds/synthetic-1.toml, compiled in.
[[nodiscard]] std::string_view shipped_bed();
/// agent/ablate/beds/tune-1.toml, compiled in: see tune_table.hpp.
[[nodiscard]] std::string_view shipped_tune_table();

}  // namespace kw::agent
