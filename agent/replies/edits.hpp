// SPDX-License-Identifier: Apache-2.0
// Search/replace edits of a reply:
//   <<<<<<< SEARCH
//   lines of the parent
//   =======
//   new lines
//   >>>>>>> REPLACE
// Time is linear in reply and parent (at most k_max_edits passes over the parent).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kw::agent {

inline constexpr int k_max_edits = 64;

struct Edit {
    std::string search;   ///< lines, each ended by '\n'
    std::string replace;  ///< lines, each ended by '\n'
};

struct EditList {
    std::vector<Edit> edits;
    std::size_t last_offset = 0;  ///< where the last edit begins in the text
    std::string problem;          ///< malformed: which edit and why
};

/// `text` has '\n' line ends only. No edit at all: an empty list without a problem.
[[nodiscard]] EditList find_edits(std::string_view text);

struct EditResult {
    std::string source;
    std::string problem;  ///< empty: every edit was applied
};

/// Each edit in turn: whole lines that are equal; else whole lines equal up to white space; else a
/// part of a line. A place that is missing or not unique is a problem, never a guess.
[[nodiscard]] EditResult apply_edits(std::string_view parent, const std::vector<Edit>& edits);

}  // namespace kw::agent
