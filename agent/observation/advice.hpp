// SPDX-License-Identifier: Apache-2.0
// The sections of a prompt that are not the history itself: what a critic said, what was ruled out,
// patterns, examples, and what kind of step this is. Everything a model or a candidate wrote is
// fenced.
#pragma once

#include "agent/critic/critique.hpp"
#include "agent/critic/patterns.hpp"
#include "agent/observation/retrieval.hpp"
#include "agent/observation/template.hpp"
#include "agent/search/history.hpp"
#include "agent/search/strategy.hpp"
#include "core/task.hpp"
#include "evaluator/device/cpu/calibration.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace kw::agent {

/// A kernel for another target or instruction set, to carry over.
struct Foreign {
    std::string target;  ///< "cuda"
    std::string level;   ///< "sm_90a", "x86-64-v4"
    double speedup = 0;  ///< over the fastest baseline there; 0 = not known
    std::string source;
    bool modelled = false;
};

struct Advice {
    const std::vector<GivenCritique>* critiques = nullptr;  ///< those of whole steps
    const PatternBook* patterns = nullptr;
    const cpu::Calibration* machine = nullptr;  ///< for the patterns' facts
    std::vector<Example> examples;              ///< nearest_examples()
    Foreign foreign;                            ///< Operator::transpile
};

/// An ask and what its operator may need.
struct ObservedAsk {
    const Task& task;
    const History& done;
    const Ask& ask;
    const Foreign& foreign;
};

/// The critique of `parent` unless it was refuted since; "" without one.
[[nodiscard]] std::string critique_section(
    const History& done, const std::vector<GivenCritique>& given, const Attempt* parent);
[[nodiscard]] std::string refuted_section(
    const History& done, const std::vector<GivenCritique>& given, std::size_t at_most);
/// The catalogue's patterns for `parent`; none without either.
[[nodiscard]] std::vector<Ranked> patterns_for(
    const Task& task, const History& done, const Advice& advice, const Attempt* parent);
[[nodiscard]] std::string patterns_section(const std::vector<Ranked>& ranked, std::size_t at_most);
/// `bytes` of each source.
[[nodiscard]] std::string examples_section(const std::vector<Example>& examples, std::size_t bytes);
/// What the ask's operator is to do, and its inspirations: the second parent of a crossover, what
/// to carry over, further kernels; of a fresh start one line each. `bytes` of a second or foreign
/// source, `further` of the further kernels together. Errc::usage for a crossover without a second
/// parent in the history, a transpile without a source.
[[nodiscard]] Result<std::string> operator_section(
    const PromptBook& book, const ObservedAsk& what, std::size_t bytes, std::size_t further);

}  // namespace kw::agent
