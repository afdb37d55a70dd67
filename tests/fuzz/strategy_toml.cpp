// SPDX-License-Identifier: Apache-2.0
// A strategy preset from somebody else. What is read must be a strategy that works.
#include "agent/search/strategy.hpp"
#include "tests/fuzz/target.hpp"

namespace kw::fuzz {

void strategy_toml(std::string_view bytes) {
    const auto preset = agent::parse_preset(std::string(bytes), "strategy.toml");
    if (!preset) {
        KW_CHECK(!preset.error().what.empty());
        return;
    }
    const auto strategy = agent::make_strategy(*preset, {preset->width, preset->depth, 1});
    KW_CHECK(!strategy->name().empty());
    agent::History done;
    for (int step = 0; step < 4; ++step) {
        agent::Attempt attempt;
        attempt.step = step;
        attempt.candidate_hash = std::to_string(step);
        attempt.source = "source";
        attempt.result.verdict = step == 2 ? Verdict::wrong_result : Verdict::accepted;
        attempt.result.speedup = {1.0 + step, 1.0 + step, 1.0 + step};
        append(done, std::move(attempt));
        const auto wave = strategy->next(done);
        KW_CHECK(wave && !wave->asks.empty() && wave->keep >= 1);
    }
}

}  // namespace kw::fuzz
