// SPDX-License-Identifier: Apache-2.0
#include "agent/proposers/cassette.hpp"

#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <random>

using namespace kw;
using namespace kw::agent;
using kw::test::must;

namespace {

Cassette sample() {
    return {
        "twice",
        "hash",
        "x86-64-v3",
        "demo",
        "exchange:x",
        "maxcode",
        {{1, 0, "parent", "prompt", "plain\n\"text\"", "m", 10, 20, 0.5},
         {1, 1, "", "", std::string("\xff\x00\x80", 3), "m", 0, 0, 0},
         {3, 0, "p", "q", "", "m", 0, 0, 0}}};
}

}  // namespace

TEST_CASE("cassette: what is written is read back with any bytes") {
    const Cassette cassette = sample();
    const std::string text = to_json_lines(cassette);
    const Cassette back = must(parse_cassette(text, "c.jsonl"));
    CHECK(back.task == "twice");
    CHECK(back.isa == "x86-64-v3");
    REQUIRE(back.replies.size() == 3);
    CHECK(back.replies[0].raw == cassette.replies[0].raw);
    CHECK(back.replies[1].raw == cassette.replies[1].raw);
    CHECK(back.replies[0].tokens_out == 20);
    CHECK(to_json_lines(back) == text);
}

TEST_CASE("cassette: mistakes are named with their line") {
    using Catch::Matchers::StartsWith;
    const std::string header = to_json_lines({"t", "", "", "", "", "", {}});
    const auto problem = [](const std::string& text) {
        const auto result = parse_cassette(text, "c.jsonl");
        REQUIRE_FALSE(result.ok());
        CHECK(result.error().code == Errc::config);
        return result.error().what;
    };
    CHECK_THAT(problem(""), StartsWith("c.jsonl:0"));
    CHECK_THAT(problem("{}\n"), StartsWith("c.jsonl:1"));
    CHECK_THAT(problem(header + "nonsense\n"), StartsWith("c.jsonl:2"));
    CHECK_THAT(problem(header + R"({"step":1,"slot":0})"), StartsWith("c.jsonl:2"));
    CHECK_THAT(problem(header + R"({"step":0,"slot":0,"raw":""})"), StartsWith("c.jsonl:2"));
    CHECK_THAT(problem(header + R"({"step":1,"slot":0,"raw_hex":"0g"})"), StartsWith("c.jsonl:2"));
    const std::string line = R"({"step":1,"slot":0,"raw":""})";
    CHECK_THAT(problem(header + line + "\n" + line), StartsWith("c.jsonl:3"));
}

TEST_CASE("cassette: mutated files are read or refused and never crash") {
    const std::string good = to_json_lines(sample());
    std::mt19937 random(5);
    int read = 0;
    for (int round = 0; round < 3000; ++round) {
        std::string text = good;
        for (unsigned i = 0; i < 1 + random() % 4; ++i) {
            text[random() % text.size()] = static_cast<char>(random() % 256);
        }
        const auto result = parse_cassette(text, "c");
        read += result.ok() ? 1 : 0;
        REQUIRE((result.ok() || !result.error().what.empty()));
    }
    CHECK(read > 0);
    CHECK(read < 3000);
}

TEST_CASE("cassette: the replay strategy asks what was recorded and then ends") {
    const auto strategy = make_replay_strategy(sample());
    History history;
    auto wave = strategy->next(history);
    REQUIRE(wave);
    CHECK(wave->step == 1);
    REQUIRE(wave->asks.size() == 2);
    CHECK(wave->asks[0].parent_hash == "parent");
    Attempt attempt;
    attempt.step = 1;
    append(history, attempt);
    wave = strategy->next(history);
    REQUIRE(wave);
    CHECK(wave->step == 3);
    attempt.step = 3;
    append(history, attempt);
    CHECK_FALSE(strategy->next(history));
}
