// SPDX-License-Identifier: Apache-2.0
// Hostile CUDA sources: nothing of the machine may come out, nothing may hang, no host code passes.
#include "tests/unit/evaluator/cuda/workshop.hpp"

namespace {

using namespace kw;
using namespace kw::test;
using cuda::Route;

const std::string k_copy =
    "extern \"C\" __global__ void k(const float* x, float* y, int n) {\n"
    "    if (threadIdx.x < n) y[threadIdx.x] = x[threadIdx.x];\n}\n";

void no_secrets(const cuda::BuildOutcome& outcome) {
    const std::string text = everything(outcome) + outcome.ptx;
    for (const char* secret : {"root:", "/bin/sh", "/bin/bash", "nologin", "PATH=", "daemon"}) {
        CAPTURE(secret);
        CHECK(text.find(secret) == std::string::npos);
    }
}

TEST_CASE("cuda attack: files of the machine are neither included nor quoted") {
    KW_WORKSHOP_OR_SKIP(shop);
    for (const char* line :
         {"#include \"/etc/passwd\"",
          "#include </proc/self/environ>",
          "#define P \"/etc/passwd\"\n#include P",
          "#include <vector>\n#include \"/etc/passwd\"",
          "#include \"passwd\"",
          "__device__ void f() { asm volatile(\".incbin \\\"/etc/passwd\\\"\"); }",
          "__device__ void f() { asm volatile(\"\\n#include \\\"/etc/passwd\\\"\\n\"); }",
          "__device__ void f() { asm volatile(\"\\n.inc\" \"lude \\\"/etc/passwd\\\"\\n\"); }"}) {
        CAPTURE(line);
        // The function must not be dropped as unused.
        const std::string use =
            "extern \"C\" __global__ void user() {\n#ifdef CALL\n    f();\n#endif\n}\n";
        const bool function = std::string(line).find("void f()") != std::string::npos;
        const auto outcome =
            shop->build(k_copy + line + "\n" + (function ? "#define CALL\n" + use : std::string()));
        INFO(outcome.summary << "\n" << outcome.detail);
        CHECK((outcome.verdict == Verdict::forbidden || outcome.verdict == Verdict::compile_error));
        no_secrets(outcome);
    }
}

TEST_CASE("cuda attack: host code is refused whatever its form") {
    KW_WORKSHOP_OR_SKIP(shop);
    for (const char* text :
         {"int main() { return 0; }",
          "void f() {}",
          "void f();",
          "static int f(int a) { return a; }",
          "__host__ void f() {}",
          "struct S { S() {} };",
          "struct S { static void f(); };",
          "int state = 3;",
          "float* pointer = nullptr;",
          "namespace z { inline int f() { return 1; } }",
          "template <class T> T f(T a) { return a; }\ntemplate int f<int>(int);",
          "extern \"C\" int puts(const char*);",
          "void f() { k <<< 1, 1 >>> (nullptr, nullptr, 1); }"}) {
        for (const Route route : {Route::automatic, Route::nvcc}) {
            CAPTURE(text);
            const auto outcome = shop->build(k_copy + text + "\n", route);
            INFO(outcome.summary << "\n" << outcome.detail);
            CHECK(outcome.verdict == Verdict::forbidden);
            CHECK(outcome.summary.rfind("candidate.cu:6", 0) == 0);
        }
    }
}

TEST_CASE("cuda attack: bombs end within their limits with the right verdict") {
    KW_WORKSHOP_OR_SKIP(shop);
    shop->limits.cpu = std::chrono::seconds(1);
    SECTION("templates without end") {
        const auto outcome = shop->build(
            k_copy +
            "template <int A, int B> struct T { static constexpr int v = T<A - 1, B * 2>::v + "
            "T<A - 1, B * 2 + 1>::v; };\n"
            "template <int B> struct T<0, B> { static constexpr int v = 1; };\n"
            "__device__ int bomb() { return T<40, 1>::v; }\n");
        INFO(outcome.summary);
        CHECK(
            (outcome.verdict == Verdict::timeout || outcome.verdict == Verdict::memory_limit ||
             outcome.verdict == Verdict::compile_error));
        CHECK(outcome.verdict != Verdict::compile_error);
    }
    SECTION("macros that grow") {
        std::string text = "#define A0 1+1+1+1+1+1+1+1+1+1\n";
        for (int i = 1; i < 12; ++i) {
            const std::string before = "A" + std::to_string(i - 1);
            text += "#define A" + std::to_string(i);
            for (int j = 0; j < 10; ++j) {
                text += " +" + before;
            }
            text += "\n";
        }
        const auto outcome = shop->build(k_copy + text + "__device__ int bomb() { return A11; }\n");
        INFO(outcome.summary);
        CHECK((outcome.verdict == Verdict::timeout || outcome.verdict == Verdict::memory_limit));
    }
    SECTION("brackets nested deep") {
        const auto outcome = shop->build(
            k_copy + "__device__ int bomb() { return " + std::string(200000, '(') + "1" +
            std::string(200000, ')') + "; }\n");
        INFO(outcome.summary);
        CHECK(outcome.verdict != Verdict::accepted);
        CHECK(outcome.verdict != Verdict::internal);
    }
}

TEST_CASE("cuda attack: output beyond the limit is a verdict") {
    KW_WORKSHOP_OR_SKIP(shop);
    CHECK(cuda::build_limits().file_bytes < 100'000'000);
    shop->limits.file_bytes = 1 << 20;
    // Its zeros are short in the PTX; the cubin has them all.
    const auto outcome = shop->build(
        "__device__ unsigned char big[2000000] = {1};\n"
        "extern \"C\" __global__ void k(const float* x, float* y, int n) { y[0] = big[n]; }\n");
    INFO(outcome.summary << "\n" << outcome.detail);
    CHECK(outcome.verdict == Verdict::memory_limit);
    CHECK(outcome.summary.find("larger than 1 MiB") != std::string::npos);
}

TEST_CASE("cuda attack: PTX in asm cannot pose as a kernel or crash the build") {
    KW_WORKSHOP_OR_SKIP(shop);
    for (const char* text :
         {"bogus.instr %r1;",
          "}\\n.visible .entry k2(){ ret;",
          "{ {{ {",
          "@%p bra",
          ".version 9.0",
          "/* never closed",
          "\\\" never closed",
          "call (r), malloc, (a);"}) {
        CAPTURE(text);
        const auto outcome = shop->build(
            "extern \"C\" __global__ void k(const float* x, float* y, int n) {\n"
            "    y[0] = x[n];\n    asm volatile(\"" +
            std::string(text) + "\");\n}\n");
        INFO(outcome.summary << "\n" << outcome.detail);
        CHECK(outcome.verdict != Verdict::internal);
        no_secrets(outcome);
    }
    const auto bogus = shop->build(
        "extern \"C\" __global__ void k(const float* x, float* y, int n) {\n"
        "    y[0] = x[n];\n    asm volatile(\"bogus.f32 %0;\" ::\"f\"(y[0]));\n}\n");
    CHECK(bogus.verdict == Verdict::compile_error);
    CHECK(bogus.summary.rfind("candidate.cu:5: error: in PTX:", 0) == 0);
}

TEST_CASE("cuda attack: names of kernels cannot confuse the plan") {
    KW_WORKSHOP_OR_SKIP(shop);
    const auto overloads = shop->build(
        "__global__ void k(const float* x, float* y, int n) { y[n] = x[0]; }\n"
        "__global__ void k(const float* x, float* y, long n) { y[n] = x[0]; }\n");
    CHECK(overloads.verdict == Verdict::forbidden);
    CHECK(overloads.summary.find("ambiguous") != std::string::npos);
    const auto one = shop->build(
        "__global__ void k(const float* x, float* y, int n) { y[n] = x[0]; }\n"
        "__global__ void kk(const float* x, float* y, int n) { y[n] = x[0]; }\n");
    CHECK(one.verdict == Verdict::accepted);
    const auto renamed = shop->build(
        "extern \"C\" __global__ void q(const float* x, float* y, int n) { y[n] = x[0]; }\n"
        "#define k q\n");
    CHECK(renamed.verdict == Verdict::forbidden);
    CHECK(renamed.summary.find("it defines q") != std::string::npos);
}

TEST_CASE("cuda attack: printing is allowed and the heap is not") {
    KW_WORKSHOP_OR_SKIP(shop);
    const auto prints = shop->build(
        "extern \"C\" __global__ void k(const float* x, float* y, int n) {\n"
        "    printf(\"%f\\n\", x[n]);\n}\n");
    CHECK(prints.verdict == Verdict::accepted);
    for (const char* text : {"malloc(n)", "new float[n]"}) {
        const auto heap = shop->build(
            "extern \"C\" __global__ void k(const float* x, float* y, int n) {\n"
            "    y[0] = *reinterpret_cast<float*>(" +
            std::string(text) + ");\n}\n");
        INFO(heap.summary);
        CHECK(heap.verdict == Verdict::forbidden);
        CHECK(heap.detail.find("//!workspace") != std::string::npos);
    }
}

}  // namespace
