// SPDX-License-Identifier: Apache-2.0
// Splits Markdown-like text into fenced blocks and the prose around them. Linear time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace kw::agent {

struct Block {
    std::string language;    ///< first word of the info string, lower case
    std::string body;        ///< lines, each ended by '\n'
    std::size_t offset = 0;  ///< of the opening fence in the text
    bool closed = false;
};

struct SplitReply {
    std::vector<Block> blocks;
    std::string prose;  ///< everything outside of blocks
};

/// `text` has '\n' line ends only. A fence with a language inside an open block of the same kind
/// begins a new block: models forget to close.
[[nodiscard]] SplitReply split_blocks(std::string_view text);

/// Braces outside of comments, strings and character literals come in pairs.
[[nodiscard]] bool braces_balance(std::string_view code);

}  // namespace kw::agent
