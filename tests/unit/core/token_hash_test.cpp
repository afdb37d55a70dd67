// SPDX-License-Identifier: Apache-2.0
#include "core/candidate.hpp"
#include "tests/unit/core/support.hpp"

using namespace kw;

namespace {

bool same(const std::string& a, const std::string& b) {
    return token_hash(a) == token_hash(b);
}

}  // namespace

TEST_CASE("token_hash: comments and white space do not count", "[core]") {
    const std::string plain = "int f(int a) { return a + 1; }\n";
    CHECK(same(plain, "int f(int a){return a+1;}"));
    CHECK(same(plain, "// head\nint f(int a) /* in */ {\r\n\treturn a // tail\n + 1; }"));
    CHECK(same(plain, "int f(int a) { re\\\nturn a + 1; }"));
    CHECK(same(plain, "int f(int a) { // long \\\n still a comment }}}\nreturn a + 1; }"));
    CHECK(same(plain, "int f(int a) { return a /* \" ' R\"( */ + 1; }"));
    CHECK_FALSE(same(plain, "int f(int a) { return a + 2; }"));
    CHECK_FALSE(same(plain, "int f(int b) { return b + 1; }"));
}

TEST_CASE("token_hash: tokens that only look alike when glued differ", "[core]") {
    CHECK_FALSE(same("a + +b", "a ++b"));
    CHECK_FALSE(same("a - -b", "a --b"));
    CHECK_FALSE(same("int ab", "inta b"));
    CHECK_FALSE(same("a < < b", "a << b"));
    CHECK_FALSE(same("1 2", "12"));
    CHECK_FALSE(same("x = 1.0 e5", "x = 1.0e5"));
    CHECK_FALSE(same("\"a\" \"b\"", "\"ab\""));
    CHECK_FALSE(same("u8 \"a\"", "u8\"a\""));
    CHECK_FALSE(same("a /b", "a //b"));
    CHECK_FALSE(same("a < = > b", "a <=> b"));
}

TEST_CASE("token_hash: text inside literals counts as it is", "[core]") {
    CHECK_FALSE(same("f(\"a b\")", "f(\"a  b\")"));
    CHECK_FALSE(same("f(\"/* x */\")", "f(\"/* y */\")"));
    CHECK_FALSE(same("f(\"// x\")", "f(\"// y\")"));
    CHECK_FALSE(same("'\"' + a", "'\"' + b"));
    CHECK_FALSE(same("f('/','/', a)", "f('/','/', b)"));
    CHECK_FALSE(same("f(\"\\\"// x\")", "f(\"\\\"// y\")"));
    CHECK_FALSE(same("int i = 1'000; // a", "int i = 1'001; // a"));
    CHECK(same("int i = 1'000; // a", "int i = 1'000; // b"));
}

TEST_CASE("token_hash: raw strings keep comments and line breaks", "[core]") {
    CHECK_FALSE(same("f(R\"(// a)\")", "f(R\"(// b)\")"));
    CHECK_FALSE(same("f(R\"(a\nb)\")", "f(R\"(a b)\")"));
    CHECK_FALSE(same("f(R\"(a\\\nb)\")", "f(R\"(ab)\")"));
    CHECK_FALSE(same("f(R\"x()\" // a)x\")", "f(R\"x()\" // b)x\")"));
    CHECK(same("f(R\"x()\")x\") // a", "f(R\"x()\")x\") // b"));
    CHECK(same("f(u8R\"(\")\") /* a */ ;", "f(u8R\"(\")\");"));
    CHECK(same("FOOR \"(\" /* a */", "FOOR \"(\""));
}

TEST_CASE("token_hash: line breaks count where the preprocessor sees them", "[core]") {
    CHECK_FALSE(same("#define A 1\n int x;", "#define A 1 int x;\n"));
    CHECK_FALSE(same("#define F(x) x\n", "#define F (x) x\n"));
    CHECK(same("#define F(x)   x\n", "#  define F(x) x // note\n"));
    CHECK(same("#define A \\\n 1\nint x;", "#define A 1\nint x;"));
    CHECK(same("#define A 1", "#define A 1\n"));
    CHECK(same("int a;\nint b;", "int a; int b;"));
}

TEST_CASE("token_hash: directives that change the build count and others do not", "[core]") {
    const std::string body = "void f() {}\n";
    CHECK(same(body, "//!kwright task=t target=cpu\n" + body));
    CHECK_FALSE(same(body, "//!kwright isa=x86-64-v4\n" + body));
    CHECK_FALSE(same("//!kwright flags=-O2\n" + body, "//!kwright flags=-O3\n" + body));
    CHECK(same(body, "//!tune U = {1, 2}\n" + body));
}

TEST_CASE(
    "token_hash: launch plans and their continuations count and other comments do not", "[core]") {
    const std::string body = "int f();\n";
    const std::string plan = "//!launch k grid=N block=1\n//!  args=(w, N)\n";
    CHECK_FALSE(same(body, plan + body));
    CHECK(same(plan + body, "//!launch  k grid=N\tblock=1 \n//! args=(w,  N)\n" + body));
    CHECK(same(plan + body, "// words\n" + plan + "// words\n//! more\n" + body));
    for (const char* other :
         {"//!launch k grid=N block=2\n//!  args=(w, N)\n",
          "//!launch k grid=N block=1\n//!  args=(w, K)\n",
          "// !launch k grid=M block=1\n//!  args=(w, N)\n",
          "//!launch k grid=N block=1\n//!  args=(w, N)\n//!  smem=4\n",
          "//!launch k grid=N block=1 \\\n  args=(w, K)\n",
          "//!workspace k=1\n",
          "//!tensormap name=k\n"}) {
        CAPTURE(other);
        CHECK_FALSE(same(plan + body, other + body));
    }
    CHECK_FALSE(same("//!kwright arch=sm_80\n" + body, "//!kwright arch=sm_90a\n" + body));
    CHECK(same("//! words\n" + body, "//!\n" + body));
}

TEST_CASE("token_hash: any bytes give a hash and the same bytes the same", "[core]") {
    test::Dice dice(3);
    const std::string alphabet = "\"'\\/*R(){}#<>\n\r\tx0.e+-u8_L \x80\xff";
    for (int i = 0; i < 4000; ++i) {
        std::string text = i % 3 == 0 ? dice.bytes(dice.below(300)) : std::string{};
        if (i % 3 != 0) {
            for (std::uint64_t n = dice.below(200); n > 0; --n) {
                text += alphabet[dice.below(alphabet.size())];
            }
        }
        const std::string hash = token_hash(text);
        REQUIRE(hash.size() == 64);
        REQUIRE(hash == token_hash(text));
    }
}

TEST_CASE("token_hash: every prefix of a tricky source is accepted", "[core]") {
    const std::string source =
        "#define F(x) x\\\n+1\nauto s = u8R\"zz(a)\" // b)zz\"; char c = '\\''; // end \\\n more\n"
        "/* open \" */ double d = 0x1.8p-3 + 1'0.e+5f; const char* t = \"a\\\\\\\"b\"_suffix;\n"
        "//!kwright task=t isa=x86-64-v3 flags=-O3\nR\"0123456789abcdefg(too long)";
    for (std::size_t length = 0; length <= source.size(); ++length) {
        REQUIRE(token_hash(source.substr(0, length)).size() == 64);
        REQUIRE(token_hash(source.substr(length)).size() == 64);
    }
    CHECK(token_hash(std::string(200'000, '\\')).size() == 64);
    CHECK(token_hash(std::string(200'000, '(')).size() == 64);
}

TEST_CASE("candidate: the directive overrides the defaults", "[core]") {
    const Candidate candidate = make_candidate(
        "given",
        "//!kwright task=w4a16_gemv target=cpu isa=x86-64-v3 flags=-O3,-funroll-loops,\r\nint "
        "x;\n");
    CHECK(candidate.task == "w4a16_gemv");
    CHECK(candidate.target == "cpu");
    CHECK(candidate.isa == "x86-64-v3");
    CHECK(candidate.flags == std::vector<std::string>{"-O3", "-funroll-loops"});
}

TEST_CASE("candidate: without a directive the defaults stand", "[core]") {
    const Candidate candidate = make_candidate("t", "int x;\n//!kwrightx isa=x\n", "x86-64-v2");
    CHECK(candidate.task == "t");
    CHECK(candidate.isa == "x86-64-v2");
    CHECK(candidate.flags.empty());
    CHECK(make_candidate("t", "//!kwright isa= flags= = task\n").isa == "native");
}

TEST_CASE("candidate: the hash covers task target and source", "[core]") {
    const std::string hash = make_candidate("t", "int x;").hash;
    CHECK(hash.size() == 64);
    CHECK(hash == make_candidate("t", "int x;").hash);
    CHECK(hash == make_candidate("t", "int x;", "x86-64-v4").hash);
    CHECK(hash != make_candidate("u", "int x;").hash);
    CHECK(hash != make_candidate("t", "int  x;").hash);
    CHECK(hash != make_candidate("t", "int x;//!kwright target=cuda\n").hash);
}

TEST_CASE("candidate: any bytes make a candidate", "[core]") {
    test::Dice dice(5);
    for (int i = 0; i < 1000; ++i) {
        const std::string text = "//!kwright " + dice.bytes(dice.below(80)) + "\n" + dice.bytes(40);
        CHECK(make_candidate("t", text).source == text);
    }
}
