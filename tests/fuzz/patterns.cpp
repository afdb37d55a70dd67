// SPDX-License-Identifier: Apache-2.0
// A pattern file from somebody else, ranked against facts.
#include "agent/critic/patterns.hpp"

#include "core/check.hpp"
#include "tests/fuzz/target.hpp"

#include <cmath>

namespace kw::fuzz {

void patterns(std::string_view bytes) {
    auto parsed = agent::parse_patterns(std::string(bytes), "p.toml");
    if (!parsed) {
        KW_CHECK(parsed.error().what.starts_with("p.toml:"));
        return;
    }
    agent::PatternBook book;
    book.patterns = std::move(parsed).value();
    agent::Facts facts;
    for (const std::string& name : agent::fact_names()) {
        facts.values[name] = static_cast<std::int64_t>(name.size()) * 7;
    }
    for (const char* target : {"cpu", "cuda"}) {
        facts.target = target;
        const auto ranked = agent::rank_patterns(book, facts);
        KW_CHECK(ranked.size() <= book.patterns.size());
        for (const agent::Ranked& one : ranked) {
            KW_CHECK(std::isfinite(one.gain) && one.gain > 0);
        }
        KW_CHECK(!agent::patterns_text(ranked, 3).empty() || ranked.empty());
    }
}

}  // namespace kw::fuzz
