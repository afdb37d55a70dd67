// SPDX-License-Identifier: Apache-2.0
// From the bytes of a reply to a source file. Any bytes are allowed: never throws (but for memory),
// never loops, time linear in the reply and the parent.
//
// Understood: fenced blocks (``` or ~~~, also unclosed, also several: the last one that defines
// what the task wants, else the longest), a source without a fence, search/replace edits
// (edits.hpp) of the parent; the later of a whole file and edits wins. Thinking blocks are dropped,
// line ends become '\n', NUL bytes and invalid UTF-8 are replaced.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kw::agent {

inline constexpr std::size_t k_max_reply_bytes = std::size_t{1} << 20;
inline constexpr std::size_t k_max_note_bytes = 200;

struct ParsedReply {
    std::string source;   ///< one C++ or CUDA file; empty when there is a problem
    std::string note;     ///< one line: "NOTE: ..." of the reply, else its first sentence
    std::string problem;  ///< why nothing is usable (verdict NR); empty = usable
};

/// `function` is the C function the task wants of a CPU candidate; `parent` is what edits apply to.
/// For target "cuda" a file is known by a __global__ function, best with a //!launch line.
[[nodiscard]] ParsedReply parse_reply(
    std::string_view reply,
    std::string_view function,
    std::string_view parent,
    std::string_view target = "cpu");

}  // namespace kw::agent
