// SPDX-License-Identifier: Apache-2.0
// The names, units and meanings of facts: what a pattern's rule may speak of.
#pragma once

#include "agent/critic/source_facts.hpp"
#include "core/evaluation.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kw::agent {

/// Every fact but the families verdict_XX (0 or 1, by the verdict's code in lower case),
/// limited_by_TERM (0 or 1) and class_NAME (instructions of a class; other characters as '_').
[[nodiscard]] const std::vector<FactSpec>& fact_specs();
/// A name that a rule may use: of fact_specs() or of one of the families.
[[nodiscard]] bool is_fact_name(std::string_view name);
[[nodiscard]] std::vector<std::string> fact_names();

[[nodiscard]] std::string verdict_fact(Verdict verdict);  ///< "verdict_wa"
/// Terms of a modelled time: "dram", "l2", ...
[[nodiscard]] std::span<const std::string_view> limiter_terms();
[[nodiscard]] std::string limiter_fact(std::string_view term);  ///< "limited_by_dram"

}  // namespace kw::agent
