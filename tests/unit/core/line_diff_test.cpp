// SPDX-License-Identifier: Apache-2.0
#include "core/line_diff.hpp"

#include "core/csprng.hpp"
#include "tests/support/catch.hpp"

#include <charconv>
#include <sstream>
#include <vector>

using kw::unified_diff;

namespace {

std::vector<std::string> lines_of(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) {
        lines.push_back(line);
    }
    return lines;
}

std::size_t number_at(const std::string& text, std::size_t at) {
    std::size_t value = 0;
    std::from_chars(text.data() + at, text.data() + text.size(), value);
    return value;
}

/// What patch(1) does: the old text and the diff give the new one.
std::string applied(const std::string& old_text, const std::string& diff) {
    const std::vector<std::string> before = lines_of(old_text);
    const std::vector<std::string> script = lines_of(diff);
    std::string result;
    std::size_t at = 0;
    for (std::size_t i = 2; i < script.size(); ++i) {
        const std::string& line = script[i];
        if (line.starts_with("@@ -")) {
            const std::size_t comma = line.find_first_of(", ", 4);
            const bool none = line.compare(comma, 3, ",0 ") == 0;
            const std::size_t begin = number_at(line, 4) - (none ? 0 : 1);
            while (at < begin) {
                result += before.at(at++) + "\n";
            }
        } else if (line[0] == '+') {
            result += line.substr(1) + "\n";
        } else {
            REQUIRE(before.at(at) == line.substr(1));
            result += line[0] == ' ' ? before[at] + "\n" : "";
            ++at;
        }
    }
    while (at < before.size()) {
        result += before[at++] + "\n";
    }
    return result;
}

std::string random_text(kw::SecretStream& stream, std::uint64_t most_lines) {
    std::string text;
    const std::uint64_t count = stream.below(most_lines + 1);
    for (std::uint64_t i = 0; i < count; ++i) {
        text += std::string(1, static_cast<char>('a' + stream.below(5))) + "\n";
    }
    return text;
}

}  // namespace

TEST_CASE("line_diff: old text and diff give the new text", "[core]") {
    kw::SecretStream stream(kw::seed_from_text("line_diff"), "texts");
    for (int i = 0; i < 400; ++i) {
        const std::string before = random_text(stream, 30);
        const std::string after = random_text(stream, 30);
        const std::string diff = unified_diff(before, after, "a", "b");
        REQUIRE(applied(before, diff) == after);
        REQUIRE(diff.empty() == (before == after));
    }
}

TEST_CASE("line_diff: a far longer text becomes one block in bounded time", "[core]") {
    std::string before;
    std::string after;
    for (int i = 0; i < 9000; ++i) {
        before += "old " + std::to_string(i) + "\n";
        after += "new " + std::to_string(i) + "\n";
    }
    CHECK(applied(before, unified_diff(before, after, "a", "b")) == after);
}

TEST_CASE("line_diff: the form is that of diff -u", "[core]") {
    const std::string before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    const std::string after = "1\n2\n3\n4\nfive\n6\n7\n8\n9\n";
    CHECK(
        unified_diff(before, after, "old", "new") ==
        "--- old\n+++ new\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
    CHECK(unified_diff("", "1\n", "a", "b") == "--- a\n+++ b\n@@ -0,0 +1 @@\n+1\n");
}
