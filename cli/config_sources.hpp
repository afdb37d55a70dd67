// SPDX-License-Identifier: Apache-2.0
// Where configuration comes from on this machine.
#pragma once

#include "core/config.hpp"

#include <string>

namespace kw::cli {

/// ./kwright.toml (or `file`), ~/.config/kwright/config.toml, the environment.
[[nodiscard]] Config::Sources config_sources(const std::string& file);

}  // namespace kw::cli
