// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/build.hpp"

#include "evaluator/device/cpu/elf_facts.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/build/support.hpp"

#include <algorithm>

namespace {

using namespace kw;
using namespace kw::test;

constexpr const char* k_add = R"(#include "add_f32.h"
extern "C" void add_f32(const float* a, const float* b, float* y, int64_t N) {
    for (int64_t i = 0; i < N; ++i) y[i] = a[i] + b[i];
}
)";

constexpr const char* k_fma = R"(#include <immintrin.h>
extern "C" void add_f32(const float* a, const float* b, float* y, int64_t N) {
    for (int64_t i = 0; i + 8 <= N; i += 8) {
        __m256 v = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i),
                                   _mm256_loadu_ps(y + i));
        _mm256_storeu_ps(y + i, v);
    }
}
)";

std::vector<std::string> exports(const cpu::BuildOutcome& outcome) {
    const auto facts = cpu::elf_facts(read_text(outcome.artifact.shared_object));
    REQUIRE(facts);
    std::vector<std::string> names = facts->exports;
    std::sort(names.begin(), names.end());
    return names;
}

TEST_CASE("build: a good source becomes an object with the three entry points and facts") {
    Workshop workshop;
    const auto outcome = workshop.build(add_task(), k_fma);
    INFO(outcome.summary << "\n" << outcome.detail);
    REQUIRE(outcome.verdict == Verdict::accepted);
    CHECK(
        exports(outcome) == std::vector<std::string>{"kw_entry", "kw_prepare", "kw_prepare_size"});
    CHECK(outcome.facts.compiler.rfind("g++ ", 0) == 0);
    CHECK(outcome.facts.command.find("-march=x86-64-v3") != std::string::npos);
    CHECK(outcome.facts.command.find("/") == std::string::npos);
    CHECK(outcome.facts.instruction_classes.at("vfmadd") >= 1);
    CHECK(outcome.facts.stack_references == 0);
    CHECK(outcome.facts.text_bytes > 0);
    CHECK(outcome.facts.artifact_sha256.size() == 64);
    CHECK_FALSE(outcome.facts.cached);
    const auto has_stage = [&](const std::string& name) {
        return std::any_of(
            outcome.stages.begin(), outcome.stages.end(), [&](const StageTime& stage) {
                return stage.stage == name;
            });
    };
    CHECK(has_stage("scan"));
    CHECK(has_stage("build"));
    for (const Finding& finding : outcome.findings) {
        CHECK(finding.rule != "pch-unused");
    }
}

TEST_CASE("build: names of the object say nothing of the machine") {
    Workshop workshop;
    const auto outcome = workshop.build(add_task(), k_add);
    REQUIRE(outcome.verdict == Verdict::accepted);
    const std::string object = read_text(outcome.artifact.shared_object);
    CHECK(object.find(workshop.cache.path.string()) == std::string::npos);
    CHECK(object.find("kwright-") == std::string::npos);
}

TEST_CASE("build: equal requests give equal bytes") {
    Workshop first;
    Workshop second;
    const auto a = first.build(add_task(), k_add);
    const auto b = second.build(add_task(), k_add);
    REQUIRE(a.verdict == Verdict::accepted);
    CHECK(a.facts.artifact_sha256 == b.facts.artifact_sha256);
    CHECK(a.artifact.key == b.artifact.key);
}

TEST_CASE("build: native code builds and libstdc++ is there when it is needed") {
    Workshop workshop;
    const auto outcome = workshop.build(
        add_task(),
        "extern \"C\" void add_f32(const float* a, const float* b, float* y, int64_t N) {\n"
        "  std::vector<float> t(a, a + N);\n  for (int64_t i = 0; i < N; ++i) y[i] = t.at(i) + "
        "std::sin(b[i]);\n}\n",
        "native");
    INFO(outcome.summary << "\n" << outcome.detail);
    CHECK(outcome.verdict == Verdict::accepted);
}

TEST_CASE("build: a compile error names the line and shows it") {
    Workshop workshop;
    const auto outcome = workshop.build(
        add_task(), std::string(k_add) + "\nint broken() { return undeclared_thing; }\n");
    REQUIRE(outcome.verdict == Verdict::compile_error);
    CHECK(
        outcome.detail.find("candidate.cpp:6: error: 'undeclared_thing' was not declared") !=
        std::string::npos);
    CHECK(
        outcome.detail.find("    6 | int broken() { return undeclared_thing; }") !=
        std::string::npos);
    CHECK(outcome.summary.rfind("candidate.cpp:6: error:", 0) == 0);
    CHECK(outcome.facts.diagnostics == outcome.detail);
    CHECK(outcome.detail.find('/') == std::string::npos);
}

TEST_CASE("build: a missing header is a compile error with its line") {
    Workshop workshop;
    const auto outcome = workshop.build(add_task(), "\n#include <no_such_header.h>\n");
    REQUIRE(outcome.verdict == Verdict::compile_error);
    CHECK(outcome.summary.find("candidate.cpp:2:") == 0);
    CHECK(outcome.summary.find("no_such_header.h") != std::string::npos);
}

TEST_CASE("build: a wrong signature is a compile error") {
    Workshop workshop;
    for (const char* parameters :
         {"const float* a, const float* b, double* y, int64_t N",
          "const float* a, const float* b, float* y, int N",
          "const float* a, float* y, int64_t N"}) {
        for (const char* linkage : {"extern \"C\" ", ""}) {
            CAPTURE(parameters);
            const auto outcome = workshop.build(
                add_task(), std::string(linkage) + "void add_f32(" + parameters + ") {}\n");
            CHECK(outcome.verdict == Verdict::compile_error);
            CHECK(outcome.detail.find("add_f32") != std::string::npos);
        }
    }
    const auto returns = workshop.build(
        add_task(), "extern \"C\" int add_f32(const float*, const float*, float*, int64_t);\n");
    CHECK(returns.verdict == Verdict::compile_error);
}

TEST_CASE("build: a source without the task's function is told the signature") {
    Workshop workshop;
    const auto outcome = workshop.build(add_task(), "int x;\n");
    REQUIRE(outcome.verdict == Verdict::compile_error);
    CHECK(
        outcome.detail.find("extern \"C\" void add_f32(const float* a, const float* b, float* y, "
                            "int64_t N)") != std::string::npos);
}

constexpr const char* k_gemv = R"(#include "w4a16_gemv.h"
void w4a16_gemv(const uint8_t* w, const kw_f16* s, const kw_f16* x, kw_f16* y,
                const void* packed, int64_t N, int64_t K) {
    for (int64_t n = 0; n < N; ++n) y[n] = kw_f32_to_f16(kw_f16_to_f32(x[n % K]));
}
)";
constexpr const char* k_prepare_size =
    "size_t w4a16_gemv_prepare_size(int64_t N, int64_t K) { return N * K / 2; }\n";
constexpr const char* k_prepare =
    "void w4a16_gemv_prepare(const uint8_t* w, const kw_f16* s, void* packed, int64_t N, int64_t K)"
    " { memcpy(packed, w, N * K / 2); }\n";

TEST_CASE("build: prepare is optional but never half there") {
    Workshop workshop;
    const std::string base = k_gemv;
    CHECK(workshop.build(gemv_task(), base).verdict == Verdict::accepted);
    CHECK(
        workshop.build(gemv_task(), base + k_prepare_size + k_prepare).verdict ==
        Verdict::accepted);
    const auto no_prepare = workshop.build(gemv_task(), base + k_prepare_size);
    CHECK(no_prepare.verdict == Verdict::compile_error);
    CHECK(no_prepare.summary.find("but not w4a16_gemv_prepare") != std::string::npos);
    const auto no_size = workshop.build(gemv_task(), base + k_prepare);
    CHECK(no_size.verdict == Verdict::compile_error);
    const auto wrong = workshop.build(
        gemv_task(), base + "int w4a16_gemv_prepare_size(int64_t N, int64_t K) { return 0; }\n");
    CHECK(wrong.verdict == Verdict::compile_error);
}

TEST_CASE("build: references export their trampolines and need all functions") {
    Workshop workshop;
    cpu::BuildRequest request;
    request.kind = cpu::SourceKind::reference;
    request.file_name = "reference.cpp";
    request.isa = "x86-64-v3";
    const std::string inputs = "const int8_t* a, const kw_bf16* h, ";
    request.source = "#include \"product_reference.h\"\nvoid product_reference(" + inputs +
                     "int32_t* y, kw_bf16* h_out, uint8_t* c_want, uint8_t* c_alt, int64_t M, "
                     "int64_t N) {}\n";
    const auto partial = workshop.builder.build(product_task(), request);
    REQUIRE(partial);
    CHECK(partial->verdict == Verdict::compile_error);
    request.source += "void product_reference_project(" + inputs +
                      "const int64_t* r, int64_t* proj, int64_t M, int64_t N) {}\n"
                      "void product_reference_at(" +
                      inputs +
                      "const int64_t* index, int64_t count, int32_t* y, int64_t M, int64_t N) {}\n";
    const auto whole = workshop.builder.build(product_task(), request);
    REQUIRE(whole);
    INFO(whole->detail);
    REQUIRE(whole->verdict == Verdict::accepted);
    CHECK(
        exports(*whole) ==
        std::vector<std::string>{"kw_reference", "kw_reference_at", "kw_reference_project"});
}

TEST_CASE("build: baselines may link a library and candidates may not") {
    Workshop workshop;
    CHECK(workshop.builder.library_present("m"));
    CHECK_FALSE(workshop.builder.library_present("no-such-library-kw"));
    CHECK_FALSE(workshop.builder.library_present("-o/tmp/x"));
    cpu::BuildRequest request;
    request.kind = cpu::SourceKind::baseline;
    request.file_name = "naive.cpp";
    request.source = k_add;
    request.isa = "x86-64-v3";
    request.link = {"m"};
    const auto baseline = workshop.builder.build(add_task(), request);
    REQUIRE(baseline);
    CHECK(baseline->verdict == Verdict::accepted);
    request.kind = cpu::SourceKind::candidate;
    const auto candidate = workshop.builder.build(add_task(), request);
    REQUIRE_FALSE(candidate);
    CHECK(candidate.error().code == Errc::config);
}

TEST_CASE("build: allowed flags take effect and others are forbidden") {
    Workshop workshop;
    cpu::BuildRequest request;
    request.source = k_add;
    request.isa = "x86-64-v3";
    request.flags = {"-fno-tree-vectorize"};
    const auto scalar = workshop.builder.build(add_task(), request);
    REQUIRE(scalar);
    REQUIRE(scalar->verdict == Verdict::accepted);
    CHECK(scalar->facts.instruction_classes.count("vadd") == 0);
    const auto vector = workshop.build(add_task(), k_add);
    CHECK(vector.facts.instruction_classes.count("vadd") == 1);
    CHECK(vector.artifact.key != scalar->artifact.key);
    request.flags = {"-O3", "-ffast-math"};
    const auto refused = workshop.builder.build(add_task(), request);
    REQUIRE(refused);
    CHECK(refused->verdict == Verdict::forbidden);
    CHECK(refused->summary.find("-ffast-math") != std::string::npos);
    CHECK(refused->detail.find("-funroll-loops") != std::string::npos);
}

TEST_CASE("build: no ordinary system header trips the scan") {
    Workshop workshop;
    const auto outcome = workshop.build(
        add_task(),
        std::string(
            "#include <bits/stdc++.h>\n#include <x86intrin.h>\n#include <cpuid.h>\n"
            "#include <pthread.h>\n#include <sys/mman.h>\n#include <unistd.h>\n"
            "#include <dlfcn.h>\n#include <signal.h>\n#include <omp.h>\n#include <fenv.h>\n") +
            k_add);
    INFO(outcome.summary << "\n" << outcome.detail);
    CHECK(outcome.verdict == Verdict::accepted);
    for (const Finding& finding : outcome.findings) {
        CHECK(finding.phase != "scan");
    }
}

TEST_CASE("build: clang++ works where it is installed") {
    if (!cpu::find_toolchain("clang++")) {
        WARN("clang++ is not installed");
        return;
    }
    Workshop workshop("clang++");
    const auto good = workshop.build(add_task(), k_fma);
    INFO(good.summary << "\n" << good.detail);
    REQUIRE(good.verdict == Verdict::accepted);
    CHECK(good.facts.instruction_classes.at("vfmadd") >= 1);
    const auto bad =
        workshop.build(add_task(), std::string(k_add) + "int f() { return nothing; }\n");
    CHECK(bad.verdict == Verdict::compile_error);
    CHECK(bad.summary.find("candidate.cpp:5:") == 0);
    CHECK(
        workshop.build(add_task(), "asm(\".incbin \\\"/etc/passwd\\\"\");\n").verdict ==
        Verdict::forbidden);
}

}  // namespace
