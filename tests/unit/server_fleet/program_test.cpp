// SPDX-License-Identifier: Apache-2.0
#include "server/fleet/program.hpp"

#include "tests/support/catch.hpp"

using namespace kw;
using namespace kw::server;

TEST_CASE("program: input, both outputs and the exit code", "[server]") {
    const auto end = run_program({"sh", "-c", "cat; echo oops >&2; exit 3"}, "to be read");
    REQUIRE(end);
    CHECK(end->out == "to be read");
    CHECK(end->err == "oops\n");
    CHECK(end->exit_code == 3);
}

TEST_CASE("program: arguments reach it as they are", "[server]") {
    const auto end = run_program({"printf", "%s|", "a b", "$(id)", "'", "*"}, "");
    REQUIRE(end);
    CHECK(end->out == "a b|$(id)|'|*|");
}

TEST_CASE("program: a signal shows as 128 and its number", "[server]") {
    CHECK(run_program({"sh", "-c", "kill -9 $$"}, "")->exit_code == 137);
}

TEST_CASE("program: one that does not end is killed with what it started", "[server]") {
    const auto end =
        run_program({"sh", "-c", "sleep 600 & sleep 600"}, "", std::chrono::milliseconds(30));
    REQUIRE(!end);
    CHECK(end.error().what.find("no end after 30 ms") != std::string::npos);
}

TEST_CASE("program: what it writes is bounded", "[server]") {
    const auto end = run_program({"sh", "-c", "head -c 10000000 /dev/zero; echo 1"}, "");
    REQUIRE(end);
    CHECK(end->out.size() == std::size_t{8} << 20);
}
