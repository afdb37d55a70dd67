// SPDX-License-Identifier: Apache-2.0
// The batch script of pilot workers: an array, each task of it one worker that holds its allocation
// and pulls work until it is told to drain. It may be requeued at any time: a worker keeps nothing
// that its server does not know.
#pragma once

#include "core/result.hpp"
#include "server/fleet/fleet_settings.hpp"

#include <string>

namespace kw::server {

inline constexpr int k_most_workers = 1000;  ///< of one array: Slurm's own default of MaxArraySize

/// Errc::config for a value that cannot stand in a script, Errc::usage for a number of workers that
/// no array has.
[[nodiscard]] Result<std::string> slurm_script(const FleetSettings& settings, int workers);

}  // namespace kw::server
