// SPDX-License-Identifier: Apache-2.0
#include "core/shell_word.hpp"

#include "tests/support/catch.hpp"

#include <cstdio>
#include <memory>

using kw::shell_word;

namespace {

/// What a shell makes of the words behind `printf %s`.
std::string printed(const std::string& words) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> shell(
        popen(("printf %s " + words).c_str(), "r"), pclose);
    REQUIRE(shell);
    std::string text;
    for (int c = std::fgetc(shell.get()); c != EOF; c = std::fgetc(shell.get())) {
        text += static_cast<char>(c);
    }
    return text;
}

}  // namespace

TEST_CASE("shell word: only what needs quotes is quoted", "[core]") {
    CHECK(shell_word("-x=1.5") == "-x=1.5");
    CHECK(shell_word("https://head:8737/a_b,c@d%e+f") == "https://head:8737/a_b,c@d%e+f");
    CHECK(shell_word("") == "''");
    CHECK(shell_word("~") == "'~'");
    CHECK(shell_word("a\nb") == "'a\nb'");
    CHECK(shell_word("it's") == "'it'\\''s'");
}

TEST_CASE("shell word: a shell reads back every byte", "[core]") {
    std::string bytes;
    for (int c = 1; c < 256; ++c) {
        bytes += static_cast<char>(c);
    }
    CHECK(printed(shell_word(bytes)) == bytes);
    for (const char* text : {"", "it's", "a\nb", "$(id)", "\\'\"`", "''", "#", "*", "~/x"}) {
        CHECK(printed(shell_word(text)) == text);
    }
}
