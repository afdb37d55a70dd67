// SPDX-License-Identifier: Apache-2.0
// Patterns of opcodes.def: how a row says which opcodes it means.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace kw::emu {

/// A piece of a pattern: fixed text (one alternative, not a group) or a group.
struct PatternPiece {
    std::vector<std::string_view> alternatives;
    bool group = false;
    bool optional = false;
};

/// A compiled pattern; the views point into the pattern's text.
struct Pattern {
    std::vector<PatternPiece> pieces;  ///< pieces[0] is the base name, fixed or a group
};

/// Nothing when the pattern is malformed: an unclosed or empty group, an alternative (but for the
/// base name's) that does not begin with a dot, an optional base name.
[[nodiscard]] std::optional<Pattern> compile_pattern(std::string_view pattern);

/// parts as Match says; they point into the pattern. Alternatives are tried in order, so the first
/// reading wins where there are several.
[[nodiscard]] std::optional<Match> match_pattern(const Pattern& pattern, std::string_view opcode);

}  // namespace kw::emu
