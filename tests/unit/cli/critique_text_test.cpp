// SPDX-License-Identifier: Apache-2.0
// What `show` says of critiques.
#include "cli/critique_text.hpp"

#include "server/views/critiques.hpp"
#include "tests/support/catch.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

using namespace kw;
using agent::HypothesisState;

namespace {

agent::JudgedCritique judged(HypothesisState state, double gain) {
    agent::JudgedCritique one;
    one.row.step = 3;
    one.row.slot = 1;
    one.row.kind = "model";
    one.row.usable = true;
    one.row.diagnosis = "it waits";
    one.row.bottleneck = "spills";
    one.row.change = "fewer accumulators";
    one.row.expected_gain = 1.5;
    one.row.raw = "the whole answer";
    one.state = state;
    if (gain > 0) {
        one.gain = {gain, gain - 0.01, gain + 0.01};
    }
    return one;
}

std::string line(const agent::JudgedCritique& one) {
    return cli::critique_line(one, cli::Console(stdout, stderr, cli::Color::never));
}

}  // namespace

TEST_CASE("critiques: a line says the claim and what its children made of it", "[cli]") {
    CHECK(
        line(judged(HypothesisState::refuted, 1.01)) ==
        "3.1  refuted  spills: fewer accumulators  (expected 1.50x, measured 1.01x [1.00, 1.02])");
    CHECK(
        line(judged(HypothesisState::untested, 0)) ==
        "3.1  untested  spills: fewer accumulators  (expected 1.50x)");
    agent::JudgedCritique failure = judged(HypothesisState::confirmed, 0);
    failure.row.expected_gain = 0;
    CHECK(line(failure) == "3.1  confirmed  spills: fewer accumulators");
}

TEST_CASE("critiques: an unusable one says why and foreign text stays on its line", "[cli]") {
    agent::JudgedCritique one = judged(HypothesisState::untested, 0);
    one.row.usable = false;
    one.row.diagnosis = "no JSON\nobject \x1b[2J";
    CHECK(line(one) == "3.1  no critique  no JSON object [2J");
    one.row.usable = true;
    one.row.change = "a\nb";
    CHECK(line(one).find('\n') == std::string::npos);
}

TEST_CASE("critiques: JSON has null for what nobody named and no unedited answer", "[cli]") {
    const auto all = server::critiques_json(
        {judged(HypothesisState::refuted, 1.01), judged(HypothesisState::untested, 0)});
    REQUIRE(all.size() == 2);
    CHECK(all[0]["state"] == "refuted");
    CHECK(all[0]["gain"]["value"] == 1.01);
    CHECK(all[0]["expected_gain"] == 1.5);
    CHECK(all[1]["gain"].is_null());
    CHECK_FALSE(all[0].contains("raw"));
    CHECK(server::critiques_json({}).is_array());
}
