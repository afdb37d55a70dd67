// SPDX-License-Identifier: Apache-2.0
// A model's reply. Before the first NUL: the parent that edits apply to.
#include "agent/replies/reply_parser.hpp"

#include "core/check.hpp"
#include "tests/fuzz/target.hpp"

#include <algorithm>

namespace kw::fuzz {

void reply_parser(std::string_view bytes) {
    const std::size_t cut = bytes.find('\0');
    const std::string_view parent =
        cut == std::string_view::npos ? std::string_view{} : bytes.substr(0, cut);
    const std::string_view reply = cut == std::string_view::npos ? bytes : bytes.substr(cut + 1);
    for (const char* target : {"cpu", "cuda"}) {
        const agent::ParsedReply parsed = agent::parse_reply(reply, "gemv", parent, target);
        KW_CHECK(parsed.source.empty() != parsed.problem.empty());
        KW_CHECK(parsed.note.size() <= agent::k_max_note_bytes);
        KW_CHECK(parsed.note.find('\n') == std::string::npos);
        KW_CHECK(parsed.source.find('\0') == std::string::npos);
    }
}

}  // namespace kw::fuzz
