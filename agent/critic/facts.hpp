// SPDX-License-Identifier: Apache-2.0
// What is known of an attempt, as a flat map of named whole numbers with units: the only thing that
// the pattern catalogue's rules, the critics and the value estimate read. A fact that was not found
// out is absent, never 0. Nothing of a hidden case but its class enters.
#pragma once

#include "agent/critic/fact_names.hpp"
#include "agent/search/history.hpp"
#include "core/task.hpp"
#include "evaluator/device/cpu/calibration.hpp"

#include <string>

namespace kw::agent {

struct Facts {
    DimMap values;  ///< name -> value, in the unit of fact_specs()
    std::string target = "cpu";
    std::string worst_shape;  ///< the timed shape with the least speed-up
    std::string limiter;      ///< CUDA, modelled: the largest term of the time, "dram"
    std::string failure;      ///< feedback_text() of a failed attempt, fenced where it is foreign
};

struct FactsInput {
    const Task& task;
    const History& done;
    const Attempt& attempt;
    const cpu::Calibration* machine = nullptr;  ///< null: no fractions of the hot roofs
};

[[nodiscard]] Facts facts_of(const FactsInput& input);

/// "stack_references = 136 count (...)", a fact a line; those of 0 that say nothing are left out.
[[nodiscard]] std::string facts_text(const Facts& facts);

}  // namespace kw::agent
