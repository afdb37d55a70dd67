// SPDX-License-Identifier: Apache-2.0
#include "agent/replies/reply_parser.hpp"

#include "agent/replies/reply_blocks.hpp"
#include "agent/text.hpp"
#include "tests/support/catch.hpp"

#include <random>
#include <string>
#include <vector>

using namespace kw::agent;

namespace {

const std::string k_source =
    "#include \"twice.h\"\nvoid twice(const float* x) {\n    (void)x;\n}\n";

std::string source_of(const std::string& reply, const std::string& parent = "") {
    const ParsedReply parsed = parse_reply(reply, "twice", parent);
    INFO(parsed.problem);
    CHECK(parsed.problem.empty());
    return parsed.source;
}

std::string problem_of(const std::string& reply, const std::string& parent = "") {
    const ParsedReply parsed = parse_reply(reply, "twice", parent);
    CHECK(parsed.source.empty());
    return parsed.problem;
}

}  // namespace

TEST_CASE("reply parser: the block of a well formed reply is the source") {
    const ParsedReply parsed =
        parse_reply("NOTE: four rows\n\n```cpp\n" + k_source + "```\n", "twice", "");
    CHECK(parsed.source == k_source);
    CHECK(parsed.note == "four rows");
    CHECK(parsed.problem.empty());
}

TEST_CASE("reply parser: fences of both kinds and with any language are understood") {
    CHECK(source_of("~~~c++\n" + k_source + "~~~\n") == k_source);
    CHECK(source_of("```\n" + k_source + "```") == k_source);
    CHECK(source_of("  ````cpp title=\"a\"\n" + k_source + "````\n") == k_source);
    CHECK(source_of("```text\n" + k_source + "```\n") == k_source);
}

TEST_CASE("reply parser: an unclosed fence is taken when its braces are balanced") {
    CHECK(source_of("```cpp\n" + k_source) == k_source);
    CHECK_THAT(
        problem_of("```cpp\nvoid twice() {\n  if (1) {\n"), Catch::Matchers::Contains("cut off"));
}

TEST_CASE("reply parser: among several blocks the last that defines the function wins") {
    const std::string other = "void twice(const float* y) { (void)y; }\n";
    const std::string longer =
        "// usage\n" + std::string(900, 'x') + "\nint main() { twice(0); }\n";
    CHECK(
        source_of(
            "```cpp\n" + other + "```\nthen\n```cpp\n" + k_source + "```\n```cpp\n" + longer +
            "```\n") == k_source);
}

TEST_CASE("reply parser: a fence with a language inside an open block begins a new one") {
    CHECK(source_of("```cpp\nint draft;\n```cpp\n" + k_source + "```\n") == k_source);
}

TEST_CASE("reply parser: a source without a fence is found behind a sentence") {
    CHECK(source_of("Here it is:\n\n" + k_source) == k_source);
    CHECK(source_of(k_source) == k_source);
}

TEST_CASE("reply parser: thinking blocks are dropped with what they hold") {
    const std::string wrong = "```cpp\nvoid twice() { wrong(); }\n```\n";
    CHECK(
        source_of("```cpp\n" + k_source + "```\n<think>no, rather\n" + wrong + "</think>") ==
        k_source);
    CHECK(source_of("so I think " + wrong + "</think>\n```cpp\n" + k_source + "```\n") == k_source);
}

TEST_CASE("reply parser: line ends NUL bytes and marks are normalised") {
    CHECK(
        source_of(
            std::string("\xEF\xBB\xBF```cpp\r\nvoid twice() {\r\n}") + '\0' + "\r\n```\r\n") ==
        "void twice() {\n}\n");
    CHECK(source_of("```cpp\nvoid twice() {} // \xff\xfe\n```\n") == "void twice() {} // ??\n");
}

TEST_CASE("reply parser: edits apply to the parent") {
    const std::string edits =
        "NOTE: rename\n<<<<<<< SEARCH\n    (void)x;\n=======\n    use(x);\n>>>>>>> REPLACE\n";
    const std::string want = "#include \"twice.h\"\nvoid twice(const float* x) {\n    use(x);\n}\n";
    CHECK(source_of(edits, k_source) == want);
    CHECK(source_of("```diff\n" + edits + "```\n", k_source) == want);
    CHECK(
        source_of(
            edits,
            "#include \"twice.h\"\r\nvoid twice(const float* x) {\r\n    (void)x;\r\n}\r\n") ==
        want);
    CHECK_THAT(problem_of(edits), Catch::Matchers::Contains("no parent"));
    CHECK_THAT(problem_of(edits, "void twice();\n"), Catch::Matchers::Contains("does not match"));
}

TEST_CASE("reply parser: the later of a whole file and edits wins") {
    const std::string edits = "<<<<<<< SEARCH\n(void)x;\n=======\nuse(x);\n>>>>>>> REPLACE\n";
    const std::string whole = "```cpp\nvoid twice() { all_new(); }\n```\n";
    CHECK(source_of(edits + whole, k_source) == "void twice() { all_new(); }\n");
    CHECK_THAT(source_of(whole + edits, k_source), Catch::Matchers::Contains("use(x);"));
}

TEST_CASE("reply parser: an unusable reply says why") {
    CHECK(problem_of("") == "the reply is empty");
    CHECK(problem_of(" \n\t\n") == "the reply is empty");
    CHECK(problem_of("I cannot help with that.") == "the reply holds no C++ code block");
    CHECK(problem_of("```cpp\nint other() { return 1; }\n```\n") == "no code block mentions twice");
    CHECK(problem_of("```cpp\n\n```\n") == "the code block is empty");
    CHECK(problem_of("```bash\nmake\n```\n") == "the reply holds no C++ code block");
    CHECK(problem_of(std::string(k_max_reply_bytes + 1, 'a')) == "the reply is over 1 MiB");
}

TEST_CASE("reply parser: the note is one short line") {
    const auto note = [](const std::string& reply) {
        return parse_reply(reply + "\n```cpp\n" + k_source + "```\n", "twice", "").note;
    };
    CHECK(note("**NOTE:** wide loads") == "wide loads");
    CHECK(note("- NOTE : `mm256` loads") == "'mm256' loads");
    CHECK(note("I split the loop. Then more.") == "I split the loop");
    CHECK(note("# Plan\nNOTE: second line") == "second line");
    CHECK(note("").empty());
    CHECK(note("NOTE: " + std::string(5000, 'a')).size() <= k_max_note_bytes);
    CHECK(note("NOTE: a\x01\x1b[31mb").find('\x1b') == std::string::npos);
}

TEST_CASE("reply blocks: braces in strings comments and characters do not count") {
    CHECK(braces_balance("{ \"}\" '}' // }\n /* } */ 1'000 }"));
    CHECK_FALSE(braces_balance("{"));
    CHECK_FALSE(braces_balance("/* {"));
    CHECK_FALSE(braces_balance("}{{"));
}

namespace {

/// What must hold for every reply there is.
void check_any(const std::string& reply, const std::string& parent) {
    const ParsedReply parsed = parse_reply(reply, "twice", parent);
    const bool usable = parsed.problem.empty();
    const bool sound = usable ? parsed.source.find("twice") != std::string::npos &&
                                    parsed.source.size() <= k_max_reply_bytes
                              : parsed.source.empty();
    const bool clean =
        valid_utf8(parsed.source) == parsed.source && valid_utf8(parsed.note) == parsed.note &&
        parsed.source.find('\0') == std::string::npos &&
        parsed.source.find('\r') == std::string::npos &&
        parsed.note.find('\n') == std::string::npos && parsed.note.size() <= k_max_note_bytes;
    if (!sound || !clean) {
        INFO(reply);
        REQUIRE(sound);
        REQUIRE(clean);
    }
}

}  // namespace

TEST_CASE("reply parser: any bytes are parsed or refused and never crash") {
    std::mt19937 random(11);
    const std::vector<std::string> pieces = {"```",       "~~~",
                                             "```cpp\n",  "\n",
                                             "twice",     "void twice(int) {",
                                             "}",         "{",
                                             "<think>",   "</think>",
                                             "NOTE:",     "<<<<<<< SEARCH\n",
                                             "=======\n", "\r\n",
                                             "\r",        ">>>>>>> REPLACE\n",
                                             "\"",        "'",
                                             "/*",        "*/",
                                             "//",        "\\",
                                             "\xff",      "\xe2\x82",
                                             " ",         "\t",
                                             "a b c\n",   "#include <x>\n",
                                             "1'0",       std::string(1, '\0')};
    for (int round = 0; round < 20'000; ++round) {
        std::string reply;
        const auto parts = random() % 24;
        for (unsigned i = 0; i < parts; ++i) {
            if (random() % 8 == 0) {
                reply += static_cast<char>(random() % 256);
            } else {
                reply += pieces[random() % pieces.size()];
            }
        }
        check_any(reply, round % 2 == 0 ? "" : k_source);
    }
}

TEST_CASE("reply parser: mutated replies are parsed or refused and never crash") {
    std::mt19937 random(12);
    const std::string good =
        "NOTE: fine\n<<<<<<< SEARCH\n    (void)x;\n=======\n    use(x);\n"
        ">>>>>>> REPLACE\n```cpp\n" +
        k_source + "```\n<think>x</think>\n";
    for (int round = 0; round < 20'000; ++round) {
        std::string reply = good;
        const auto changes = 1 + random() % 6;
        for (unsigned i = 0; i < changes && !reply.empty(); ++i) {
            const std::size_t at = random() % reply.size();
            switch (random() % 4) {
                case 0: reply[at] = static_cast<char>(random() % 256); break;
                case 1: reply.erase(at, random() % 40); break;
                case 2:
                    reply.insert(at, reply.substr(random() % reply.size(), random() % 40));
                    break;
                default: reply.resize(at); break;
            }
        }
        check_any(reply, k_source);
    }
}

// A quadratic step anywhere takes minutes on these; the suite's time limit is the check.
TEST_CASE("reply parser: one mebibyte of anything takes linear time") {
    const std::vector<std::string> units = {
        "twice(", "`",    "```\n", "```cpp\n", "<<<<<<< SEARCH\n", "<think>", "</think>",
        "\r",     "\xe2", "{",     "NOTE:",    "=======\n",        "\n",      "a",
        "'",      "\"",   "/*",    "~~~\n",    "twice\n",          " \t",     "<think></think>"};
    for (const std::string& unit : units) {
        std::string reply;
        while (reply.size() + unit.size() <= k_max_reply_bytes) {
            reply += unit;
        }
        check_any(reply, k_source);
    }
    const std::string lines(k_max_reply_bytes / 4, '\n');
    std::string parent = "twice\n";
    while (parent.size() < k_max_reply_bytes / 2) {
        parent += "a\n";
    }
    std::string search;
    while (search.size() < k_max_reply_bytes / 4) {
        search += "a\n";
    }
    check_any("<<<<<<< SEARCH\n" + search + "b\n=======\n>>>>>>> REPLACE\n", parent);
    check_any(
        "<<<<<<< SEARCH\n" + std::string(k_max_reply_bytes / 4, 'a') +
            "b\n=======\n>>>>>>> REPLACE\n",
        "twice " + std::string(k_max_reply_bytes / 2, 'a'));
    check_any("<<<<<<< SEARCH\n" + lines + "=======\n>>>>>>> REPLACE\n", lines);
}
