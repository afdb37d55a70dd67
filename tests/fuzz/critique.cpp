// SPDX-License-Identifier: Apache-2.0
// A model's answer to a critic and to a value estimate, and a source's counts.
#include "agent/critic/critique.hpp"

#include "agent/critic/source_facts.hpp"
#include "agent/value/model_value.hpp"
#include "core/check.hpp"
#include "tests/fuzz/target.hpp"

#include <algorithm>
#include <cmath>

namespace kw::fuzz {

void critique(std::string_view bytes) {
    const std::string text(bytes);
    const agent::Critique read = agent::parse_critique(text);
    KW_CHECK(read.usable == (read.expected_gain > 0));
    KW_CHECK(read.usable == !read.change.empty());
    KW_CHECK(std::isfinite(read.expected_gain));
    KW_CHECK(read.diagnosis.size() <= agent::k_max_diagnosis);
    KW_CHECK(read.change.size() <= agent::k_max_change);
    for (const std::string* line : {&read.diagnosis, &read.bottleneck, &read.change}) {
        KW_CHECK(line->find_first_of("\n\r`") == std::string::npos);
    }
    if (const auto chances = agent::parse_chances(text)) {
        double sum = 0;
        for (const double chance : *chances) {
            KW_CHECK(chance >= 0);
            sum += chance;
        }
        KW_CHECK(std::abs(sum - 1) < 1e-9);
    }
    KW_CHECK(agent::source_facts(bytes).size() == agent::source_fact_specs().size());
    KW_CHECK(agent::without_comments(bytes).size() <= bytes.size());
}

}  // namespace kw::fuzz
