// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/scan.hpp"

#include "core/csprng.hpp"
#include "evaluator/device/cpu/cpp_lexer.hpp"
#include "evaluator/device/cpu/scan_asm.hpp"
#include "tests/support/catch.hpp"

namespace {

using namespace kw;
using namespace kw::cpu;

ScanResult scan(const std::string& text) {
    PreprocessedInput input;
    const std::string full = "# 1 \"candidate.cpp\"\n" + text;
    input.text = full;
    input.own_file = "candidate.cpp";
    input.our_files = {"add_f32.h"};
    input.allowed_roots = {"/usr/include/", "/usr/lib/gcc/"};
    input.pch_path = "/run/pch/kw_pch.h.gch";
    return scan_preprocessed(input);
}

std::string rule(const ScanResult& result) {
    return result.violations.empty() ? "" : result.violations.front().rule;
}

std::string spell(const std::string& text) {
    CppLexer lexer(text);
    std::string out;
    for (Token token = lexer.next(); token.kind != Token::Kind::end; token = lexer.next()) {
        static constexpr const char* k_letters = "insc.#";
        out += k_letters[static_cast<int>(token.kind)];
        out += '<' + token.text + '>';
    }
    return out;
}

TEST_CASE("lexer: tokens are those of the compiler") {
    CHECK(spell("int x=1'000+0x1p-3;") == "i<int>i<x>.<=>n<1'000>.<+>n<0x1p-3>.<;>");
    CHECK(spell("a/* b */c // d\ne") == "i<a>i<c>i<e>");
    CHECK(spell("f(\"a\\x41\\101\\n\")") == "i<f>.<(>s<aAA\n>.<)>");
    CHECK(spell("R\"x(a)\"b\\n)x\" u8R\"(c)\" L\"d\" uR\"e(f)e\"") == "s<a)\"b\\n>s<c>s<d>s<f>");
    CHECK(spell("'\"' \"//\" '\\''") == "c<\">s<//>c<\\'>");
    CHECK(spell("<:<: x :>:>") == ".<[>.<[>i<x>.<]>.<]>");
    CHECK(spell("as\\\nm(\"sys\\\ncall\")") == "i<asm>.<(>s<syscall>.<)>");
    CHECK(spell("/\\\n/ comment \\\n still\nx") == "i<x>");
    CHECK(spell("# 3 \"f.h\"\nx #y") == "#< 3 \"f.h\">i<x>.<#>i<y>");
    CHECK(spell("\"unterminated\nx") == "s<unterminated>i<x>");
    CHECK(spell("R\"(never closed\nx").substr(0, 2) == "s<");
}

TEST_CASE("lexer: lines are counted through splices and raw strings") {
    CppLexer lexer("a\nR\"(1\n2)\" b\\\nc\nd");
    CHECK(lexer.next().line == 1);
    CHECK(lexer.next().line == 2);
    const Token spliced = lexer.next();
    CHECK(spliced.text == "bc");
    CHECK(spliced.line == 3);
    CHECK(lexer.next().line == 5);
}

TEST_CASE("source scan: line markers are refused however they are written") {
    for (const char* line :
         {"# 1 \"/usr/include/x.h\" 3",
          "#line 7",
          "  #  line 7",
          "#\\\n 1 \"x\"",
          "%: 1 \"x\" 3",
          "/* c */ # 1 \"x\"",
          "/*\n*/# 1 \"x\"",
          "#/**/1 \"x\"",
          "#\t3",
          "#li\\\nne 3",
          "\\\n# 1 \"x\"",
          "# \\  \n 1 \"x\"",
          "%\\\n: 1 \"x\"",
          "/*\n*\\\n/# 1 \"x\"",
          "\f# 1"}) {
        CAPTURE(line);
        const ScanResult result = scan_source(std::string("int a;\n") + line + "\nint b;\n");
        CHECK(rule(result) == "line-marker");
    }
}

TEST_CASE("source scan: a byte order mark does not hide the first line") {
    CHECK(rule(scan_source("\xef\xbb\xbf# 1 \"/usr/include/x.h\" 3\n")) == "line-marker");
    CHECK(rule(scan_source("\xef\xbb\xbfint a;\n")) == "");
}

TEST_CASE("source scan: includes and probes of foreign files are refused with their line") {
    for (const char* line :
         {"#include \"/etc/passwd\"",
          "#include </etc/passwd>",
          "# include \"../x.h\"",
          "#include_next \"/etc/passwd\"",
          "#import \"/proc/self/environ\"",
          "#inclu\\\nde \"/etc/passwd\"",
          "#if __has_include(\"/etc/passwd\")",
          "#if __has_include ( </root/.ssh/id_rsa> )"}) {
        CAPTURE(line);
        const ScanResult result = scan_source(std::string("int a;\n\n") + line + "\n");
        REQUIRE(rule(result) == "include-path");
        CHECK(result.violations.front().line == 3);
        CHECK_FALSE(result.violations.front().advice.empty());
    }
}

TEST_CASE("source scan: ordinary sources pass") {
    CHECK(
        rule(scan_source(
            "#include <immintrin.h>\n#include \"add_f32.h\"\n#define A(x) #x\n"
            "#if __has_include(<numeric>)\n#endif\n#pragma GCC unroll 4\n"
            "// # 1 is a number\nconst char* s = \"# 1\"; int y = 5 %2; /* a */ int z;\r\n")) ==
        "");
}

TEST_CASE("source scan: bytes that are no text are refused") {
    CHECK(rule(scan_source(std::string("int a;\0int b;", 13))) == "not-text");
    CHECK(rule(scan_source("int a;\rint b;")) == "not-text");
    CHECK(rule(scan_source("int a;\r\nint b;\r\n")) == "");
}

TEST_CASE("asm scan: what a kernel has no use for is refused") {
    for (const char* text :
         {".incbin \"/etc/passwd\"",
          "nop\n.include \"/etc/passwd\"",
          "nop;  .InCbIn \"x\"",
          "syscall",
          "lock; SYSCALL",
          "rep syscall",
          "1: syscall",
          "a: b: syscall",
          "int $0x80",
          "int3",
          "sysenter",
          "rdtsc",
          "rdtscp",
          "wrmsr",
          "rdfsbase %rax",
          "wrgsbaseq %%rax",
          "nop # x\nsyscall",
          "/* x */ syscall",
          "nop /* \n */; syscall",
          ".byte 0x0f, 0x05",
          ".long 1",
          ".macro m\nsyscall\n.endm",
          ".section .init_array",
          ".pushsection x",
          "sys{call|enter}",
          "{nooptimize} syscall",
          "%{nooptimize%} syscall",
          "sys%c0",
          "sys%P[f]",
          "%0 %1",
          "x = 5",

          "call foo@plt",
          "#NO_APP\nsyscall",
          "a\\b",
          "sys\x01"
          "call",
          ".intel_syntax noprefix\nsyscall",
          ".ascii \"x\"",
          "%~nt $128",
          "rdrand %rax",
          ".globl memcpy",
          ".set a, b",
          "\t\tsyscall",
          "notrack syscall",
          "rex.w syscall"}) {
        CAPTURE(text);
        CHECK(check_asm_template(text));
    }
}

TEST_CASE("asm scan: instructions of kernels pass") {
    for (const char* text :
         {"",
          "nop",
          "vpdpbusd %2, %1, %0",
          "vfmadd231ps (%[a],%[i],4), %%zmm1, %%zmm2%{%%k1%}%{z%}",
          ".p2align 4\n1:\n\tvmovaps (%0), %%ymm0\n\tadd $32, %0\n\tdec %1\n\tjnz 1b",
          ".Lloop%=:\n dec %0\n jnz .Lloop%=",
          "prefetcht0 %0",
          "{vex} vpdpbusd %2,%1,%0",
          "int_name: nop",
          "# int 0x80 in a comment\nnop",
          "rep stosb",
          "pause",
          "lfence",
          "bswap %0; popcnt %1, %0",
          "pext %2, %1, %0"}) {
        CAPTURE(text);
        const auto problem = check_asm_template(text);
        CHECK_FALSE(problem);
    }
}

TEST_CASE("scan: literals of an asm are joined and resolved before they are judged") {
    for (const char* text :
         {"asm(\".inc\" \"bin \\\"/etc/passwd\\\"\");",
          "__asm__ volatile (\"sys\"\n\"call\");",
          "asm(\"\\x2eincbin \\\"x\\\"\");",
          "asm(\"\\056incbin x\");",
          "__asm(R\"(.incbin \"x\")\");",
          "asm(\"sys\"\n# 9 \"candidate.cpp\"\n\"call\");",
          "asm inline goto(\"rdtsc\" : : : : out);",
          "long f(long) asm(\"syscall\");",
          "int x = ({ asm(\"\" :: \"r\"(({ asm(\"syscall\"); 1; }))); 2; });",
          "asm(\"nop\"); asm(\"syscall\""}) {
        CAPTURE(text);
        const ScanResult result = scan(text);
        CHECK(rule(result).substr(0, 4) == "asm-");
    }
    CHECK(rule(scan("const char* text = \".incbin syscall\"; int asm_count = 1;")) == "");
}

TEST_CASE("scan: attributes that run code at load time or move it are refused") {
    for (const char* text :
         {"__attribute__((constructor)) void f();",
          "__attribute__ ( ( __constructor__ (101) ) ) int f();",
          "[[gnu::constructor]] void f();",
          "[[using gnu: destructor]] void f();",
          "<:<:gnu::constructor:>:> void f();",
          "[\n[gnu::section(\"x\")]] int x;",
          "__attribute((ifunc(\"r\"))) void f();",
          "__attribute__((noinline, section(\".x\"))) int a;",
          "__attribute__((unused)) __attribute__((__alias__(\"x\"))) void f();"}) {
        CAPTURE(text);
        CHECK(rule(scan(text)) == "attribute");
    }
    CHECK(
        rule(scan("int constructor = 1; int section[2] = {f(constructor)};"
                  "__attribute__((aligned(64))) float t[4];"
                  "__attribute__((target(\"avx2\"))) void f(int section);")) == "");
}

TEST_CASE("scan: fast-math cannot be had by pragma or attribute") {
    for (const char* text :
         {"#pragma GCC optimize(\"fast-math\")\n",
          "#pragma GCC optimize \"Ofast\"\n",
          "#pragma GCC optimize(\"O3\", \"fast\" \"-math\")\n",
          "#pragma GCC optimize (\"-ffast-math\")\n",
          "__attribute__((optimize(\"fast-math\"))) void f();",
          "__attribute__((optimize(\"O3\",\"unroll-loops,associative-math\"))) void f();",
          "[[gnu::optimize(\"finite-math-only\")]] void f();",
          "__attribute__((optimize(NAME))) void f();"}) {
        CAPTURE(text);
        CHECK(rule(scan(text)) == "fast-math");
    }
    CHECK(
        rule(scan("#pragma GCC optimize(\"O3\",\"unroll-loops\")\n"
                  "__attribute__((optimize(\"O2\", \"no-tree-vectorize\"))) void f();\n"
                  "#pragma GCC push_options\n#pragma GCC pop_options\n")) == "");
}

TEST_CASE("scan: a precompiled header can be named only by us and only once") {
    CHECK(rule(scan("#pragma GCC pch_preprocess \"/run/pch/kw_pch.h.gch\"\nint x;\n")) == "");
    CHECK(rule(scan("#pragma GCC pch_preprocess \"/etc/passwd\"\n")) == "pragma");
    CHECK(
        rule(scan("#pragma GCC pch_preprocess \"/run/pch/kw_pch.h.gch\"\n"
                  "#pragma GCC pch_preprocess \"/run/pch/kw_pch.h.gch\"\n")) == "pragma");
    for (const char* name : {"poison x", "plugin \"x\"", "dependency \"/etc/passwd\""}) {
        CHECK(rule(scan(std::string("#pragma GCC ") + name + "\n")) == "pragma");
    }
}

TEST_CASE("scan: files outside the system headers are refused at the include") {
    const std::string foreign =
        "int a;\n# 1 \"/proc/self/environ\" 1\nsecret\n# 4 \"candidate.cpp\" 2\nint b;\n";
    const ScanResult result = scan(foreign);
    REQUIRE(rule(result) == "include-path");
    CHECK(result.violations.front().line == 2);
    CHECK(rule(scan("# 1 \"/usr/include/../../etc/passwd\" 1\n")) == "include-path");
    CHECK(rule(scan("# 1 \"relative.h\" 1\n")) == "include-path");
    CHECK(
        rule(scan("# 1 \"/usr/include/c++/12/vector\" 1 3\n# 1 \"add_f32.h\" 1\n"
                  "# 1 \"<built-in>\" 1\n")) == "");
}

TEST_CASE("scan: constructs that macros plant into system headers are seen") {
    const ScanResult result = scan(
        "int a;\n# 1 \"/usr/include/c++/12/deque\" 1 3\n__attribute__((constructor)) void f();\n"
        "asm(\".incbin \\\"/etc/passwd\\\"\");\n# 3 \"candidate.cpp\" 2\n");
    REQUIRE(result.violations.size() == 2);
    CHECK(result.violations[0].line == 2);
    CHECK(result.violations[0].what.find("deque") != std::string::npos);
}

TEST_CASE("scan: lines are those of the candidate") {
    const ScanResult result = scan("int a;\n# 40 \"candidate.cpp\"\nint b;\nasm(\"syscall\");\n");
    REQUIRE(result.violations.size() == 1);
    CHECK(result.violations.front().line == 41);
    CHECK(
        show(result.violations, "candidate.cpp").rfind("candidate.cpp:41: asm uses syscall", 0) ==
        0);
}

TEST_CASE("scan: clocks are refused and other names are only noted") {
    CHECK(rule(scan("auto t = __builtin_ia32_rdtsc();")) == "clock");
    const ScanResult noted = scan(
        "void f() { dlopen(0, 1); pthread_create(); fork(); std::thread t; x.open(); y->fork(); }");
    CHECK(noted.violations.empty());
    REQUIRE(noted.findings.size() == 4);
    for (const Finding& finding : noted.findings) {
        CHECK(finding.severity == "warning");
        CHECK(finding.phase == "scan");
        CHECK(finding.evidence.rfind("line 1: ", 0) == 0);
    }
}

TEST_CASE("scan: any bytes are survived") {
    SecretStream stream(seed_from_text("scan"), "bytes");
    const std::string alphabet =
        "asm(\"\\\n#%:<>[]{}|'R\"x()/* */ // 1 \"f\" 3\nlinesyscall.incbin__attribute__((optimize";
    for (int round = 0; round < 2000; ++round) {
        std::string bytes;
        const std::uint64_t length = stream.below(400);
        for (std::uint64_t i = 0; i < length; ++i) {
            bytes += stream.below(4) == 0 ? static_cast<char>(stream.below(256))
                                          : alphabet[stream.below(alphabet.size())];
        }
        CHECK(scan_source(bytes).violations.size() <= 8);
        CHECK(scan(bytes).violations.size() <= 9);
        (void)check_asm_template(bytes);
    }
}

/// Work is measured in tokens and bytes, not in time: the lexer must stop after a bounded number of
/// tokens and every hostile repetition must come to an end.
TEST_CASE("scan: hostile repetitions of a mebibyte come to an end", "[slow]") {
    for (const std::string piece :
         {"#/*\n",
          "R\"(",
          "\\ \n",
          "\\      ",
          "/*",
          "asm(",
          "asm(\"{",
          "\"",
          "'",
          "[[",
          "((",
          "#line\n",
          "*/#include\"aaaa",
          "__has_include(",
          "asm(\"%[",
          "# 1 \"",
          "optimize(",
          "R\"abcdefgh"}) {
        CAPTURE(piece);
        std::string bytes;
        while (bytes.size() < (std::size_t{1} << 20)) {
            bytes += piece;
        }
        CHECK(scan_source(bytes).violations.size() <= 8);
        CHECK(scan(bytes).violations.size() <= 9);
        CppLexer lexer(bytes);
        std::size_t tokens = 0;
        while (lexer.next().kind != Token::Kind::end) {
            ++tokens;
        }
        CHECK(tokens <= bytes.size());
    }
}

}  // namespace
