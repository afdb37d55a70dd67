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
#include "core/task.hpp"
#include "evaluator/device/cpu/calibration.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace kw::agent {

/// The parts of a prompt that can be chosen, in the order in which they stand:
///   hints      the task's advice          hint        the user's
///   examples   kernels of similar tasks   trajectory  a line an attempt
///   best       the best kernel            discounted  the best-discounted score to beat
///   last       the last attempt           parent      the source to start from
///   critique   one diagnosis, one change  refuted     changes that brought nothing
///   patterns   of the catalogue, for the parent
[[nodiscard]] const std::vector<std::string>& section_names();
/// hints, hint, trajectory, best, discounted, last, parent.
[[nodiscard]] const std::vector<std::string>& default_sections();
/// Errc::usage for an unknown or a doubled name, with did-you-mean.
[[nodiscard]] Result<void> check_sections(const std::vector<std::string>& sections);
/// Whether `name` is among `sections`, or among the default ones when it is empty.
[[nodiscard]] bool has_section(const std::vector<std::string>& sections, const std::string& name);

/// A kernel for another target or instruction set, to carry over.
struct Foreign {
    std::string target;  ///< "cuda"
    std::string level;   ///< "sm_90a", "x86-64-v4"
    double speedup = 0;  ///< over the fastest baseline there; 0 = not known
    std::string source;
};

/// What kind of proposal is asked for. The default says nothing about it.
struct Move {
    std::string op;  ///< of operator_names(), or ""
    std::vector<std::string>
        inspirations;  ///< crossover: hash of the second parent, in the history
    Foreign foreign;   ///< transpile
};

struct Advice {
    const std::vector<GivenCritique>* critiques = nullptr;  ///< those of whole steps
    const PatternBook* patterns = nullptr;
    const cpu::Calibration* machine = nullptr;  ///< for the patterns' facts
    std::vector<Example> examples;              ///< nearest_examples()
    Move move;
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
/// The operator's template, filled. Errc::usage for an unknown operator, a crossover without a
/// second parent in the history, a transpile without a source.
[[nodiscard]] Result<std::string> operator_section(
    const PromptBook& book,
    const Task& task,
    const History& done,
    const Move& move,
    std::size_t bytes);

}  // namespace kw::agent
