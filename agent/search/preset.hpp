// SPDX-License-Identifier: Apache-2.0
// A strategy preset: a small TOML file that names the parts of a search and their numbers
// (prompts/strategies/*.toml; docs/search.md). Plain data: making the parts is the business of
// those who own them. A file comes from anybody; every number in it is bounded.
#pragma once

#include "core/result.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace kw::agent {

/// Which parents a step asks for.
struct SelectionSpec {
    /// start | single | newest | cascade | spread | weighted | trajectory (selection.hpp)
    std::string kind = "start";
    int patience = 3;       ///< newest, trajectory: failures in a row until a line is abandoned
    double sharpness = 10;  ///< weighted: slope of the weights over a parent's rank, >= 0
    int inspirations = 2;   ///< weighted: further kernels that an ask names
    double improve = 0.6;   ///< weighted: weights of the operators, drawn for each ask
    double fresh = 0.3;
    double crossover = 0.1;
};

/// What of the history parents are picked from.
struct ArchiveSpec {
    std::string kind = "all";        ///< all | elites | islands (archive.hpp)
    int size = 0;                    ///< elites: kernels kept; islands: kernels kept on each
    bool distinct_lineages = false;  ///< elites: one kernel of each lineage
    int count = 1;                   ///< islands
    int migrate_every = 0;           ///< islands: steps between migrations, 0 = never
    int migrants = 1;                ///< islands: kernels that leave each island then
};

struct StrategyPreset {
    std::string name;   ///< [a-z0-9-], what campaigns show
    std::string about;  ///< one line
    int width = 4;      ///< proposals a step that are judged (W)
    int depth = 8;      ///< steps of a trajectory (D)
    double gamma = 0.95;
    int transpile = 0;  ///< asks of the first step that carry a kernel of the board over
    SelectionSpec selection;
    ArchiveSpec archive;
    std::string critic = "none";  ///< none | rules | model
    std::string value = "none";   ///< none | features | model | verifiers
    int rerank = 0;  ///< proposals asked for a step (W' >= W) of which `value` keeps W; 0 = W
    std::vector<std::string> sections;  ///< of the prompt; empty = the usual ones
    std::string text;                   ///< the whole file
};

/// The prompt's sections: those that are named, else default_sections(), with critique and refuted
/// when there is a critic.
[[nodiscard]] std::vector<std::string> sections_of(const StrategyPreset& preset);

/// A mistake is Errc::config "FILE:LINE:COLUMN: what", with did-you-mean.
[[nodiscard]] Result<StrategyPreset> parse_preset(const std::string& text, const std::string& file);

/// The shipped presets, sorted: the names of the .toml files in `folder`.
[[nodiscard]] std::vector<std::string> preset_names(const std::filesystem::path& folder);

/// By name in `folder`, or by path when `name` has a slash or ends in ".toml". An unknown name is
/// Errc::usage with did-you-mean, a folder without presets Errc::environment.
[[nodiscard]] Result<StrategyPreset> load_preset(
    const std::string& name, const std::filesystem::path& folder);

}  // namespace kw::agent
