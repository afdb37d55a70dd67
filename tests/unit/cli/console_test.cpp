// SPDX-License-Identifier: Apache-2.0
#include "cli/console.hpp"

#include "tests/support/catch.hpp"

#include <cstdio>

using namespace kw::cli;

TEST_CASE("console: times have three digits and a unit and nothing is never zero", "[cli]") {
    CHECK(show_time(0) == "-");
    CHECK(show_time(3.104) == "3.10 ns");
    CHECK(show_time(31'040) == "31.0 us");
    CHECK(show_time(310'400'000) == "310 ms");
    CHECK(show_time(3.1e9) == "3.10 s");
    CHECK(show_ratio(2.314, 2.272, 2.358) == "2.31x [2.27, 2.36]");
    CHECK(show_ratio(2.314, 2.314, 2.314) == "2.31x");
    CHECK(show_ratio(0, 0, 0) == "-");
    CHECK(show_percent(0.806) == "81 %");
    CHECK(show_percent(0) == "-");
    CHECK(show_bytes(1023) == "1023 B");
    CHECK(show_bytes(1536) == "1.50 KiB");
    CHECK(show_duration(521) == "8m41s");
    CHECK(show_duration(59.4) == "59s");
    CHECK(show_duration(7380) == "2h03m");
}

TEST_CASE("console: columns align by what is seen and not by bytes", "[cli]") {
    Table table;
    table.head = {"name", "n", "text"};
    table.right = {false, true};
    table.rows = {
        {"\x1b[32mgreen\x1b[0m", "1", "a"}, {"\xc3\xa4\xc3\xb6", "100", "b"}, {"x", "10", ""}};
    CHECK(
        render(table) ==
        "name     n  text\n"
        "\x1b[32mgreen\x1b[0m    1  a\n"
        "\xc3\xa4\xc3\xb6     100  b\n"
        "x       10");
}

TEST_CASE("console: an error is two lines and has no colour in a pipe", "[cli]") {
    std::FILE* file = std::tmpfile();
    REQUIRE(file != nullptr);
    Console console(file, file, Color::automatic);
    console.set_quiet(true);
    console.say("talk");
    console.error("opening x: no such file", "make it");
    console.print("data");
    std::rewind(file);
    std::string all(200, '\0');
    all.resize(std::fread(all.data(), 1, all.size(), file));
    std::fclose(file);
    CHECK(all == "error: opening x: no such file\n  hint: make it\ndata\n");
}
