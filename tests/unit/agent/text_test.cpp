// SPDX-License-Identifier: Apache-2.0
#include "agent/text.hpp"

#include "tests/support/catch.hpp"

#include <random>

using namespace kw::agent;

TEST_CASE("text: a fence is longer than any run of back-ticks inside") {
    std::mt19937 random(3);
    for (int round = 0; round < 500; ++round) {
        std::string text;
        const auto length = random() % 60;
        for (unsigned i = 0; i < length; ++i) {
            text += "`\n~a"[random() % 4];
        }
        const std::string fenced = fence(text, "cpp");
        const std::size_t bar = fenced.find("cpp\n");
        REQUIRE(bar >= 3);
        REQUIRE(fenced.ends_with(std::string("\n").append(bar, '`')));
        const std::string body = fenced.substr(bar + 4, fenced.size() - 2 * bar - 4);
        REQUIRE(body.find(std::string(bar, '`')) == std::string::npos);
    }
}

TEST_CASE("text: fences drop control characters and keep tabs") {
    CHECK(fence("a\x1b[2J\tb\r\n") == "```\na[2J\tb\n```");
}

TEST_CASE("text: one line stays one line within its limit") {
    CHECK(one_line("  a \n\t b\x7f `c`  ", 80) == "a b 'c'");
    CHECK(one_line(std::string(100, 'a'), 10) == "aaaaaaa...");
    const std::string cut = one_line("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 8);
    CHECK(valid_utf8(cut) == cut);
    CHECK(cut.size() <= 8);
}

TEST_CASE("text: what is not UTF-8 becomes question marks") {
    CHECK(valid_utf8("\xe2\x82\xac") == "\xe2\x82\xac");
    CHECK(valid_utf8("a\xff\xc0\x80") == "a???");
    CHECK(valid_utf8("\xed\xa0\x80") == "???");  // a surrogate
    CHECK(valid_utf8("\xf4\x90\x80\x80") == "????");
    CHECK(valid_utf8("\xe2\x82") == "??");
}

TEST_CASE("text: a cut keeps beginning and end and says what is missing") {
    std::string text;
    for (int i = 0; i < 1000; ++i) {
        text += "line " + std::to_string(i) + "\n";
    }
    const std::string cut = cut_middle(text, 1000);
    CHECK(cut.size() < 1100);
    CHECK(cut.starts_with("line 0\n"));
    CHECK(cut.ends_with("line 999\n"));
    CHECK_THAT(cut, Catch::Matchers::Contains("bytes left out"));
    CHECK(cut_middle("short", 1000) == "short");
}

TEST_CASE("text: figures read like people write them") {
    CHECK(show_time(0) == "-");
    CHECK(show_time(12.34) == "12.3 ns");
    CHECK(show_time(3100) == "3.10 us");
    CHECK(show_time(184000) == "184 us");
    CHECK(show_time(2.5e9) == "2.50 s");
    CHECK(show_speedup({2.314, 2.27, 2.361}) == "2.31x [2.27, 2.36]");
    CHECK(show_speedup({2.314, 2.314, 2.314}) == "2.31x");
    CHECK(tell_speedup(0.85) == "0.85x: 15 % slower");
    CHECK(tell_speedup(2.31) == "2.31x: 131 % faster");
    CHECK(tell_speedup(1.001) == "1.00x: as fast");
}
