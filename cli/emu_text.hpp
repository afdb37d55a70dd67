// SPDX-License-Identifier: Apache-2.0
// A launch on the emulated device as text and as JSON, for `kwright dev emu`.
#pragma once

#include "cli/console.hpp"
#include "evaluator/device/emulated/model.hpp"
#include "evaluator/device/emulated/trial.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

namespace kw::cli {

/// What is shown of one launch.
struct EmuShown {
    const emulated::LaunchReport& report;
    const emulated::RunLaunch& launch;
    std::string device;                              ///< "emulated:sm_90a"
    std::optional<emulated::ModelledTime> modelled;  ///< of launches that completed
};

/// Findings of severity error; others are told and do no harm.
[[nodiscard]] std::size_t error_count(const emulated::LaunchReport& report);

[[nodiscard]] std::string emu_text(const EmuShown& shown, const Console& console);
/// The fields of kwright.emu/1 that a launch fills.
[[nodiscard]] nlohmann::json emu_json(const EmuShown& shown);

}  // namespace kw::cli
