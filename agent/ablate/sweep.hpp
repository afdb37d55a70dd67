// SPDX-License-Identifier: Apache-2.0
// What no record determines is not chosen but swept: an ablation is repeated with other values of
// one parameter, and whoever reads it sees where an advantage begins and where it ends.
#pragma once

#include "agent/ablate/ablation.hpp"
#include "agent/ablate/synthetic_bed.hpp"
#include "agent/ablate/tune_table.hpp"
#include "core/result.hpp"

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace kw::agent {

/// Who writes critiques: a model, each a call, or rules that cost nothing.
enum class CriticKind { model, rules };

/// Everything a bed is made of.
struct BedSetup {
    std::variant<SyntheticParams, TuneTables> data;
    double quality = 0;  ///< of critiques
    CriticKind critic = CriticKind::model;
};
[[nodiscard]] std::unique_ptr<Bed> make_bed(const BedSetup& setup);

/// A parameter with the values it is swept over. Of the plan: "critique", "width". Of the synthetic
/// bed: "failures" (of a change, all kinds together), "repair", "hit", "ideas", "ceilings"
/// (ceiling_least), "shared" (first_shared), "jump", "noise", "headroom" (its mean).
struct Sweep {
    std::string parameter;
    std::vector<double> values;
};
[[nodiscard]] const std::vector<Sweep>& all_sweeps();

struct SweepPoint {
    double value = 0;
    AblationResult result;
};

/// Errc::usage for a parameter of the synthetic bed on another one, and as ablate().
[[nodiscard]] Result<std::vector<SweepPoint>> run_sweep(
    const Sweep& sweep, const BedSetup& setup, const AblationPlan& plan);

}  // namespace kw::agent
