// SPDX-License-Identifier: Apache-2.0
// The same workers as a Kubernetes Job, for whoever runs kubectl: this program does not.
#pragma once

#include "core/result.hpp"
#include "server/fleet/fleet_settings.hpp"

#include <string>

namespace kw::server {

/// YAML. The token comes from the Secret `settings.secret`, key "token". Errc::config: a value that
/// no manifest can hold, no image.
[[nodiscard]] Result<std::string> k8s_manifest(const FleetSettings& settings, int workers);

}  // namespace kw::server
