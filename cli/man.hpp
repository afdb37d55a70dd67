// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace kw::cli {

/// kwright(1) as roff, made from the command table and docs/cli.
[[nodiscard]] std::string man_page(const std::string& version);

}  // namespace kw::cli
