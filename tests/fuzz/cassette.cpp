// SPDX-License-Identifier: Apache-2.0
// A cassette from somebody else: what is accepted survives being written and read again.
#include "agent/proposers/cassette.hpp"

#include "core/check.hpp"
#include "tests/fuzz/target.hpp"

namespace kw::fuzz {

void cassette(std::string_view bytes) {
    const auto parsed = agent::parse_cassette(bytes, "fuzz.jsonl");
    if (!parsed) {
        KW_CHECK(parsed.error().what.find("fuzz.jsonl") != std::string::npos);
        return;
    }
    const std::string text = agent::to_json_lines(*parsed);
    const auto again = agent::parse_cassette(text, "again.jsonl");
    KW_CHECK(again.ok());
    KW_CHECK(again->replies.size() == parsed->replies.size());
    for (std::size_t i = 0; i < again->replies.size(); ++i) {
        KW_CHECK(again->replies[i].raw == parsed->replies[i].raw);
        KW_CHECK(again->replies[i].step == parsed->replies[i].step);
    }
    KW_CHECK(agent::to_json_lines(*again) == text);
    KW_CHECK(agent::make_replay_strategy(*parsed) != nullptr);
}

}  // namespace kw::fuzz
