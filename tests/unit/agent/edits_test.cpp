// SPDX-License-Identifier: Apache-2.0
#include "agent/replies/edits.hpp"

#include "tests/support/catch.hpp"

using namespace kw::agent;

namespace {

std::string edit(const std::string& search, const std::string& replace) {
    return "<<<<<<< SEARCH\n" + search + "=======\n" + replace + ">>>>>>> REPLACE\n";
}

EditResult edited(const std::string& parent, const std::string& text) {
    const EditList list = find_edits(text);
    REQUIRE(list.problem.empty());
    return apply_edits(parent, list.edits);
}

}  // namespace

TEST_CASE("edits: whole lines are replaced exactly") {
    const EditResult result = edited("a\nb\nc\n", edit("b\n", "B1\nB2\n"));
    CHECK(result.problem.empty());
    CHECK(result.source == "a\nB1\nB2\nc\n");
}

TEST_CASE("edits: indentation that differs is tolerated when nothing matches exactly") {
    const EditResult result = edited(
        "void f() {\n\tint  x = 1;\n\treturn;\n}\n", edit("  int x = 1;\n", "    int x = 2;\n"));
    CHECK(result.problem.empty());
    CHECK(result.source == "void f() {\n    int x = 2;\n\treturn;\n}\n");
}

TEST_CASE("edits: an exact match wins over a tolerant one") {
    const EditResult result = edited("  x;\nx;\n", edit("x;\n", "y;\n"));
    CHECK(result.source == "  x;\ny;\n");
}

TEST_CASE("edits: a part of a line is replaced when no whole line matches") {
    const EditResult result =
        edited("int a = 1; int b = 2;\n", edit("int b = 2;\n", "int b = 3;\n"));
    CHECK(result.source == "int a = 1; int b = 3;\n");
}

TEST_CASE("edits: edits apply one after the other") {
    const EditResult result = edited("a\n", edit("a\n", "b\n") + edit("b\n", "c\n"));
    CHECK(result.source == "c\n");
}

TEST_CASE("edits: an empty replacement deletes the lines") {
    CHECK(edited("a\nb\nc\n", edit("b\n", "")).source == "a\nc\n");
}

TEST_CASE("edits: a search that matches nothing or two places is a problem") {
    CHECK(edited("a\n", edit("z\n", "y\n")).problem == "edit 1 does not match the parent source");
    CHECK_THAT(
        edited("a\na\n", edit("a\n", "y\n")).problem,
        Catch::Matchers::Contains("more than one place"));
    CHECK_THAT(
        edited("a\n", edit("\n", "y\n")).problem, Catch::Matchers::Contains("empty SEARCH part"));
}

TEST_CASE("edits: a malformed edit names its number and what is missing") {
    CHECK(find_edits("<<<<<<< SEARCH\na\n").problem == "edit 1 has no >>>>>>> REPLACE line");
    CHECK(
        find_edits("<<<<<<< SEARCH\na\n>>>>>>> REPLACE\n").problem == "edit 1 has no ======= line");
    CHECK(
        find_edits(edit("a\n", "b\n") + "<<<<<<< SEARCH\n<<<<<<< SEARCH\n").problem ==
        "edit 2 is not ended before the next one begins");
    std::string many;
    for (int i = 0; i <= k_max_edits; ++i) {
        many += edit("a\n", "b\n");
    }
    CHECK_THAT(find_edits(many).problem, Catch::Matchers::Contains("more than 64 edits"));
}

TEST_CASE("edits: text without markers holds no edit and no problem") {
    const EditList list = find_edits("a << b\n=======\n>>>>>>>\n");
    CHECK(list.edits.empty());
    CHECK(list.problem.empty());
}
