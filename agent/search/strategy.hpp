// SPDX-License-Identifier: Apache-2.0
// A strategy says what to ask next, from which parents and with which operator. It is a pure
// function of the history and a seed: resume replays the stored rows through it and arrives where
// it was. Strategies are presets (preset.hpp) that name their parts: an Archive folds the history
// into a population, a Selection picks from it. docs/search.md tells them apart.
#pragma once

#include "agent/search/history.hpp"
#include "agent/search/preset.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kw::agent {

/// What a proposer is asked to do with the parent.
enum class Operator {
    improve,    ///< change the parent so that it becomes faster
    repair,     ///< the parent failed: mend what its feedback says, speed comes later
    crossover,  ///< unite what is fast in the parent and in inspirations.front(), the other parent
    fresh,      ///< another design than the parent's and the inspirations': they show what exists
    transpile,  ///< the idea of a kernel for another target or instruction set (Advice::foreign)
};
[[nodiscard]] std::string_view name(Operator op);  ///< "improve", ...
[[nodiscard]] const std::vector<std::string>& operator_names();

struct Ask {
    int slot = 0;
    std::string parent_hash;  ///< of the candidate to start from; "" = from nothing
    Operator op = Operator::improve;
    /// Hashes of further accepted kernels of the history that the proposer may learn from, most
    /// useful first; never the parent, never twice the same. The reply's edits apply to the parent
    /// alone.
    std::vector<std::string> inspirations{};
};

/// The proposals of one step. They do not see each other's results.
struct Wave {
    int step = 0;  ///< greater than every step of the history
    std::vector<Ask> asks;
    /// How many of the proposals are judged, 1 .. asks.size(): the others are asked for and dropped
    /// by the value estimate before anything is built. 0 = all of them.
    int keep = 0;
};

struct Strategy {
    virtual ~Strategy() = default;
    [[nodiscard]] virtual std::string name() const = 0;
    /// `done` holds whole steps only. Nothing: the search is finished.
    [[nodiscard]] virtual std::optional<Wave> next(const History& done) const = 0;
};

struct StrategyOptions {
    int width = 4;  ///< proposals a step that are judged (W)
    int depth = 8;  ///< steps of one trajectory (D); the next one starts from the best kernel
    std::uint64_t seed = 1;
    /// Asks of the first step, not all of them, that carry a kernel over (Operator::transpile) and
    /// start from nothing: the preset's number where there is a kernel to carry, else 0.
    int transpile = 0;
};

/// The parts of `preset`, with the sizes of `options` in place of its own.
[[nodiscard]] std::unique_ptr<Strategy> make_strategy(
    const StrategyPreset& preset, const StrategyOptions& options);

}  // namespace kw::agent
