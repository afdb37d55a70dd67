// SPDX-License-Identifier: Apache-2.0
// Keeps a fleet as large as its queue asks for, until it is stopped. Holds no state that matters:
// another loop goes on where this one was killed.
#pragma once

#include "core/clock.hpp"
#include "core/result.hpp"
#include "server/fleet/autoscale.hpp"
#include "server/fleet/fleet_settings.hpp"

#include <functional>
#include <string>

namespace kw::server {

struct ScaleWorld {
    Slurm& slurm;
    Clock& clock;
    std::function<Result<QueueLoad>()> load;      ///< asks the server
    std::function<bool()> stop;                   ///< looked at several times a second
    std::function<void(const std::string&)> say;  ///< one line for people, when something changes
};

struct ScaleSettings {
    ScaleRule rule;
    double every_s = 15;
    bool once = false;  ///< one look and one step
};

/// Runs until stop() or, with `once`, for one step. A server or a Slurm that does not answer is
/// said and asked again; with `once` it is the Error. Workers are left running at the end.
[[nodiscard]] Result<void> keep_scaled(
    const FleetSettings& fleet, const ScaleSettings& settings, ScaleWorld& world);

}  // namespace kw::server
