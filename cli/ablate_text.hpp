// SPDX-License-Identifier: Apache-2.0
// The screen and the document of `kwright dev ablate`.
#pragma once

#include "agent/ablate/sweep.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace kw::cli {

/// What was asked for, as it is shown and written beside the figures.
struct AblationRequest {
    std::string bed;     ///< "synthetic", "tune"
    std::string file;    ///< of --bed-file; "" = the shipped one
    std::string timing;  ///< where speed-ups come from: "simulated", "measured", "modelled"
    double quality = 0;
    agent::CriticKind critic = agent::CriticKind::model;
    agent::AblationPlan plan;
};

[[nodiscard]] std::string ablation_text(
    const AblationRequest& request, const agent::AblationResult& result);
/// A row a value: the first arm's speed-up and its ratio to every other, in `unit`.
[[nodiscard]] std::string sweep_text(
    const AblationRequest& request,
    const std::string& parameter,
    const std::vector<agent::SweepPoint>& points,
    agent::CostUnit unit);

/// kwright.ablate/1
[[nodiscard]] nlohmann::json ablation_json(
    const AblationRequest& request, const agent::AblationResult& result);
[[nodiscard]] nlohmann::json sweep_json(
    const AblationRequest& request,
    const std::string& parameter,
    const std::vector<agent::SweepPoint>& points);

}  // namespace kw::cli
