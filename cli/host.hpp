// SPDX-License-Identifier: Apache-2.0
// Conditions of this machine that make timings noisy or judging impossible, as doctor shows them.
// Read from /proc and /sys; never fails, an unreadable file is "unknown".
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace kw::cli {

enum class State { good, caution, missing, info };
[[nodiscard]] std::string_view name(State state);  ///< "ok", "caution", "missing", "--"

/// One line of doctor.
struct Condition {
    std::string area;  ///< "timing"
    std::string what;  ///< "governor powersave"
    State state = State::good;
    std::string remedy;  ///< what to do; "" = nothing
};

[[nodiscard]] std::vector<Condition> timing_conditions();
/// "docker", "podman", "container", or "" on a plain machine.
[[nodiscard]] std::string container_kind();

}  // namespace kw::cli
