// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/resolve.hpp"

#include "tests/support/catch.hpp"

#include <string>
#include <vector>

using kw::emu::compile_pattern;
using kw::emu::expand;
using kw::emu::Match;
using kw::emu::match_pattern;

namespace {

using Parts = std::vector<std::string_view>;

Parts parts_of(std::string_view pattern, std::string_view opcode) {
    const auto compiled = compile_pattern(pattern);
    REQUIRE(compiled);
    const auto match = match_pattern(*compiled, opcode);
    return match ? match->parts : Parts{"no match"};
}

}  // namespace

TEST_CASE("resolve: a match gives the alternatives taken in the order of the pattern") {
    constexpr std::string_view pattern = "add(.rn|.rz)?(.ftz)?(.f32|.f64)";
    CHECK(parts_of(pattern, "add.f32") == Parts{"add", "", "", ".f32"});
    CHECK(parts_of(pattern, "add.rz.f64") == Parts{"add", ".rz", "", ".f64"});
    CHECK(parts_of(pattern, "add.rn.ftz.f32") == Parts{"add", ".rn", ".ftz", ".f32"});
    CHECK(
        parts_of("cp.async(.ca|.cg).shared.global", "cp.async.cg.shared.global") ==
        Parts{"cp", ".cg"});
    CHECK(parts_of("(and|or)(.b16|.b32)", "or.b32") == Parts{"or", ".b32"});
    CHECK(
        parts_of("cvta(.to.shared|.shared)(.u64)", "cvta.to.shared.u64") ==
        Parts{"cvta", ".to.shared", ".u64"});
    CHECK(parts_of("ret", "ret") == Parts{"ret"});
}

TEST_CASE("resolve: what differs in one component does not match") {
    constexpr std::string_view pattern = "add(.rn|.rz)?(.ftz)?(.f32|.f64)";
    for (const char* opcode :
         {"add",
          "add.",
          "add.f3",
          "add.f322",
          "add.ftz.rn.f32",
          "add.f32.f32",
          "add.f32.",
          "addc.f32",
          "ad.f32",
          ".f32",
          ""}) {
        INFO(opcode);
        CHECK(parts_of(pattern, opcode) == Parts{"no match"});
    }
}

TEST_CASE("resolve: an optional group gives way when a later one needs the component") {
    CHECK(parts_of("ld(.global)?(.global|.shared)", "ld.global") == Parts{"ld", "", ".global"});
    CHECK(
        parts_of("ld(.global)?(.global|.shared)", "ld.global.shared") ==
        Parts{"ld", ".global", ".shared"});
}

TEST_CASE("resolve: malformed patterns are refused") {
    for (const char* pattern :
         {"",
          "add(",
          "add()",
          "add(.f32",
          "add(.f32|)",
          "add(f32)",
          "add?",
          "(add|.sub)",
          ".f32",
          "add(.a(.b))",
          "add.x?",
          "add|sub",
          "(add)?(.f32)"}) {
        INFO(pattern);
        CHECK_FALSE(compile_pattern(pattern));
        CHECK(expand(pattern).empty());
    }
}

TEST_CASE("resolve: every text a pattern stands for matches it and is listed once") {
    constexpr std::string_view pattern = "(add|sub)(.rn|.rz)?.x(.ftz)?(.f32|.f64)";
    const std::vector<std::string> texts = expand(pattern);
    CHECK(texts.size() == 2 * 3 * 2 * 2);
    CHECK(texts.front() == "add.rn.x.ftz.f32");
    CHECK(texts.back() == "sub.x.f64");
    for (const std::string& text : texts) {
        INFO(text);
        CHECK(parts_of(pattern, text) != Parts{"no match"});
        CHECK(std::count(texts.begin(), texts.end(), text) == 1);
    }
    CHECK(expand(pattern, 5).size() == 5);
    CHECK(expand(pattern, 0).empty());
}

TEST_CASE("resolve: a part is found with and without its dot") {
    const Match match{{"add", "", ".f32"}};
    CHECK(match.has("f32"));
    CHECK(match.has(".f32"));
    CHECK_FALSE(match.has("f3"));
    CHECK_FALSE(match.has(".ftz"));
}

TEST_CASE("opcodes: no row hides a form of a later one that it does not support itself") {
    const auto& rows = kw::emu::opcode_rows();
    for (std::size_t row = 0; row < rows.size(); ++row) {
        INFO(rows[row].id << " " << rows[row].pattern);
        const auto pattern = compile_pattern(rows[row].pattern);
        REQUIRE(pattern);
        REQUIRE(rows[row].bind != nullptr);
        std::vector<std::string> wrong;
        std::size_t own = 0;
        for (const std::string& text : expand(rows[row].pattern, 20'000)) {
            const auto resolved = kw::emu::resolve(text);
            REQUIRE(resolved);
            own += resolved->row == row ? 1 : 0;
            if (resolved->row != row && rows[row].bind(*match_pattern(*pattern, text)).run &&
                !rows[resolved->row].bind(resolved->match).run) {
                wrong.push_back(text + " goes to " + rows[resolved->row].id);
            }
        }
        CHECK(wrong == std::vector<std::string>{});
        CHECK(own > 0);
    }
}

TEST_CASE("opcodes: what no row claims is not resolved") {
    CHECK_FALSE(kw::emu::resolve(""));
    CHECK_FALSE(kw::emu::resolve("."));
    CHECK_FALSE(kw::emu::resolve("tcgen05.mma.cta_group::1.kind::f16"));
    CHECK_FALSE(kw::emu::resolve(std::string(100'000, '.')));
    CHECK_FALSE(kw::emu::resolve("add" + std::string(100'000, '.')));
}
