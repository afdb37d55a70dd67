// SPDX-License-Identifier: Apache-2.0
// The pattern catalogue: what slow kernels have in common, how it shows in the facts, what to
// change. Text files anybody can add to (prompts/patterns/*.toml; prompts/README.md has the keys).
#pragma once

#include "agent/critic/facts.hpp"
#include "core/dim_expr.hpp"
#include "core/result.hpp"

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace kw::agent {

struct Pattern {
    std::string key;                   ///< "spills": what a critique's bottleneck names
    std::string title;                 ///< one line
    std::vector<std::string> targets;  ///< "cpu", "cuda"
    /// Any of them that is not 0 makes the pattern fit. One that reads a fact that is not known
    /// does not fit. None at all: advice that always applies, ranked behind what was detected.
    std::vector<DimExpr> when;
    std::string description;
    std::string change;   ///< the one change to make, imperative
    std::string example;  ///< code; may be empty
    double gain_lo = 1;   ///< expected factor, from the source's figures
    double gain_hi = 1;
    std::string source;  ///< where the figures or the idea come from
};

struct PatternBook {
    std::vector<Pattern> patterns;  ///< by key
};

/// Reads every *.toml of each folder that exists, in the order of their names. A key of a later
/// folder replaces that of an earlier one; twice in one folder is a mistake. Errc::config
/// "FILE:LINE:COLUMN: what" for the first mistake of a file.
[[nodiscard]] Result<PatternBook> load_patterns(const std::vector<std::filesystem::path>& folders);
[[nodiscard]] Result<std::vector<Pattern>> parse_patterns(
    const std::string& text, const std::string& file);

struct Ranked {
    const Pattern* pattern = nullptr;
    bool detected = false;  ///< a rule fits
    double gain = 1;        ///< middle of the range, at most what the roof leaves
    std::string evidence;   ///< "stack_references = 136": the facts that the rule read
};

/// Patterns of the facts' target: those whose rule fits, then general advice; within each the
/// larger gain first, then by key. `refuted` keys come last: they were tried here without effect.
/// What is detected and refuted is still told, since a second cause may look alike.
[[nodiscard]] std::vector<Ranked> rank_patterns(
    const PatternBook& book, const Facts& facts, const std::set<std::string>& refuted = {});

/// The first `at_most` as Markdown; our own text, but for evidence, which is numbers.
[[nodiscard]] std::string patterns_text(const std::vector<Ranked>& ranked, std::size_t at_most);

}  // namespace kw::agent
