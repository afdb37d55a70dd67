// SPDX-License-Identifier: Apache-2.0
// Hostile sources against the build: nothing of the machine may come out, nothing may hang.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/build/support.hpp"

#include <algorithm>

namespace {

using namespace kw;
using namespace kw::test;

const std::string k_add =
    "extern \"C\" void add_f32(const float* a, const float* b, float* y, int64_t N) {\n"
    "    for (int64_t i = 0; i < N; ++i) y[i] = a[i] + b[i];\n}\n";

std::string everything(const cpu::BuildOutcome& outcome) {
    std::string text = outcome.summary + outcome.detail + outcome.facts.diagnostics;
    for (const Finding& finding : outcome.findings) {
        text += finding.evidence;
    }
    return text;
}

TEST_CASE("attack: including a file of the machine is forbidden and shows none of its text") {
    Workshop workshop;
    for (const char* line :
         {"#include \"/etc/passwd\"",
          "#include </etc/ld.so.cache>",
          "#include \"/proc/self/environ\"",
          "#define P \"/etc/passwd\"\n#include P",
          "#define P </proc/self/maps>\n#include P",
          "#define S(x) #x\n#define P S(/etc/passwd)\n#include P",
          "#include \"/usr/include/../../etc/passwd\"",
          "#include \"/dev/stdin\""}) {
        CAPTURE(line);
        const auto outcome = workshop.build(add_task(), k_add + line + "\n");
        INFO(outcome.summary << "\n" << outcome.detail);
        CHECK((outcome.verdict == Verdict::forbidden || outcome.verdict == Verdict::compile_error));
        const std::string text = everything(outcome);
        for (const char* secret :
             {"root:", "/bin/sh", "/bin/bash", "nologin", "PATH=", "libc.so"}) {
            CHECK(text.find(secret) == std::string::npos);
        }
    }
}

TEST_CASE("attack: a false line marker cannot borrow another file's lines") {
    Workshop workshop;
    const auto outcome =
        workshop.build(add_task(), k_add + "#line 1 \"/etc/passwd\"\nint x = undeclared;\n");
    CHECK(outcome.verdict == Verdict::forbidden);
    CHECK(everything(outcome).find("root:") == std::string::npos);
}

TEST_CASE("attack: an assembler that reads files is forbidden with the right line") {
    Workshop workshop;
    for (const char* text :
         {"asm(\".incbin \\\"/etc/passwd\\\"\");",
          "asm(\".inc\" \"bin \\\"/etc/passwd\\\"\");",
          "#define D \".incb\" \"in\"\nasm(D \" \\\"/etc/passwd\\\"\");",
          "#define J(a, b) a##b\nJ(__as, m__)(\".incbin \\\"/etc/passwd\\\"\");",
          "void f() { __asm__ volatile (\"nop\\n\\t.include \\\"/etc/passwd\\\"\"); }",
          "int x asm(\"x\\n.incbin \\\"/etc/passwd\\\"\\n\");",
          "#define noexcept __attribute__((constructor))\n#include <deque>"}) {
        CAPTURE(text);
        const auto outcome = workshop.build(add_task(), k_add + text + "\n");
        INFO(outcome.detail);
        CHECK(outcome.verdict == Verdict::forbidden);
        const int lines = static_cast<int>(std::count(text, text + std::string(text).size(), '\n'));
        CHECK(outcome.summary.rfind("candidate.cpp:" + std::to_string(4 + lines) + ":", 0) == 0);
    }
}

TEST_CASE("attack: what hides a system call or a clock is forbidden") {
    Workshop workshop;
    for (const char* text :
         {"void f() { asm volatile(\"syscall\"); }",
          "void f() { asm(\"sys\" \"call\"); }",
          "void f() { asm(\"\\x73yscall\"); }",
          "void f() { asm(\".byte 0x0f,0x05\"); }",
          "void call(); void f() { asm(\"sys%P0\" :: \"i\"(call)); }",
          "long f() { return __rdtsc(); }",
          "extern \"C\" long f(long, ...) asm(\"syscall\");"}) {
        CAPTURE(text);
        const auto outcome = workshop.build(add_task(), k_add + text + "\n");
        CHECK(outcome.verdict == Verdict::forbidden);
        CHECK(outcome.summary.rfind("candidate.cpp:4:", 0) == 0);
    }
}

TEST_CASE("attack: probes for files are refused or see nothing") {
    Workshop workshop;
    CHECK(
        workshop.build(add_task(), k_add + "#if __has_include(\"/etc/shadow\")\n#endif\n")
            .verdict == Verdict::forbidden);
    const auto hidden = workshop.build(
        add_task(),
        k_add +
            "#define P \"/etc/shadow\"\n#if __has_include(P)\n#error it is there\n"
            "#endif\n#define Q \"/root/.ssh/id_rsa\"\n#if __has_include(Q)\n"
            "#error it is there\n#endif\n");
    CHECK(everything(hidden).find("it is there") == std::string::npos);
}

TEST_CASE("attack: a pragma cannot load another precompiled header or a plug-in") {
    Workshop workshop;
    for (const char* text :
         {"#pragma GCC pch_preprocess \"/etc/passwd\"",
          "#pragma GCC poison nothing",
          "#pragma GCC dependency \"/etc/passwd\"",
          "#pragma GCC optimize(\"fast-math\")",
          "_Pragma(\"GCC optimize(\\\"Ofast\\\")\")"}) {
        CAPTURE(text);
        const auto outcome = workshop.build(add_task(), std::string(text) + "\n" + k_add);
        INFO(outcome.detail);
        CHECK((outcome.verdict == Verdict::forbidden || outcome.verdict == Verdict::compile_error));
        CHECK(everything(outcome).find("root:") == std::string::npos);
    }
}

TEST_CASE("attack: bombs end with a verdict of their own and a clear text") {
    Workshop workshop;
    const auto nested = workshop.build(
        add_task(), "template <int n> struct T { T<n + 1> t; };\nT<0> bomb;\n" + k_add);
    CHECK(nested.verdict == Verdict::compile_error);
    CHECK(nested.detail.size() < 2600);

    std::string macros = "#define A0 x,x,x,x,x,x,x,x,x,x\n";
    for (int i = 1; i < 10; ++i) {
        macros += "#define A" + std::to_string(i);
        for (int k = 0; k < 10; ++k) {
            macros += " A" + std::to_string(i - 1);
        }
        macros += "\n";
    }
    const auto output = workshop.build(add_task(), macros + "A9\n" + k_add);
    INFO(output.summary);
    CHECK((output.verdict == Verdict::memory_limit || output.verdict == Verdict::timeout));
    CHECK_FALSE(output.summary.empty());

    const auto table =
        workshop.build(add_task(), "char big[100000000] = {1};\nchar* p = big;\n" + k_add);
    INFO(table.summary);
    CHECK(table.verdict == Verdict::memory_limit);
    CHECK(table.summary.find("64 MiB") != std::string::npos);
}

TEST_CASE("attack: any bytes as a source end with a verdict") {
    Workshop workshop;
    std::string bytes;
    for (int i = 1; i < 4000; ++i) {
        const int byte = (i * 73 + i / 7) & 0xff;
        bytes += static_cast<char>(byte == 0 || byte == '\r' ? '\n' : byte);
    }
    for (const std::string& source :
         {std::string(),
          std::string(1, '\0'),
          bytes,
          std::string("\xef\xbb\xbf") + k_add,
          std::string("R\"(")}) {
        const auto outcome = workshop.build(add_task(), source);
        CHECK(outcome.verdict != Verdict::internal);
        CHECK_FALSE(outcome.summary.empty());
    }
    CHECK(
        workshop.build(add_task(), std::string((1 << 20) + 1, ' ')).verdict == Verdict::forbidden);
}

TEST_CASE("attack: file names and instruction sets are no way into the command line") {
    Workshop workshop;
    cpu::BuildRequest request;
    request.source = k_add;
    request.isa = "x86-64-v3";
    for (const char* name : {"-o.cpp", "../../x.cpp", "/etc/x.cpp", "@x.cpp", "a b.cpp", ""}) {
        request.file_name = name;
        const auto outcome = workshop.builder.build(add_task(), request);
        REQUIRE(outcome);
        CHECK(outcome->verdict == Verdict::accepted);
    }
    request.isa = "native -fplugin=x";
    const auto refused = workshop.builder.build(add_task(), request);
    REQUIRE(refused);
    CHECK(refused->verdict == Verdict::forbidden);
}

TEST_CASE("attack: names of system calls are noted and do not decide") {
    Workshop workshop;
    const auto outcome = workshop.build(
        add_task(),
        "#include <unistd.h>\nextern \"C\" void add_f32(const float* a, const float* b, "
        "float* y, int64_t N) {\n    if (fork() == 0) _exit(0);\n}\n"
        "static int at_load = getpid();\nint* keep = &at_load;\n");
    INFO(outcome.detail);
    REQUIRE(outcome.verdict == Verdict::accepted);
    const auto has = [&](const std::string& rule, const std::string& part) {
        return std::any_of(outcome.findings.begin(), outcome.findings.end(), [&](const Finding& f) {
            return f.rule == rule && f.evidence.find(part) != std::string::npos;
        });
    };
    CHECK(has("suspicious-name", "line 3: fork"));
    CHECK(has("import", "fork"));
    CHECK(has("load-time-code", "1 initialisers"));
}

}  // namespace
