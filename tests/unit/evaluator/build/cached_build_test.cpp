// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/build_cache.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/build/support.hpp"

#include <fstream>

namespace {

using namespace kw;
using namespace kw::cpu;
using namespace kw::test;
namespace fs = std::filesystem;

const std::string k_add =
    "extern \"C\" void add_f32(const float* a, const float* b, float* y, int64_t N) {\n"
    "    for (int64_t i = 0; i < N; ++i) y[i] = a[i] + b[i];\n}\n";

TEST_CASE("cache: a hit gives the identical artifact and starts no process") {
    Workshop workshop;
    const auto first = workshop.build(add_task(), k_add);
    REQUIRE(first.verdict == Verdict::accepted);
    const int runs = workshop.sandbox.runs;
    CHECK(runs >= 2);
    const auto second = workshop.build(add_task(), k_add);
    CHECK(workshop.sandbox.runs == runs);
    CHECK(second.facts.cached);
    CHECK(second.artifact.shared_object == first.artifact.shared_object);
    CHECK(second.facts.artifact_sha256 == first.facts.artifact_sha256);
    CHECK(second.facts.instruction_classes == first.facts.instruction_classes);
    CHECK(second.findings == first.findings);
}

TEST_CASE("cache: everything that changes the object changes the key") {
    Workshop workshop;
    const auto base = workshop.build(add_task(), k_add);
    CHECK(workshop.build(add_task(), k_add + "\n").artifact.key != base.artifact.key);
    CHECK(workshop.build(add_task(), k_add, "native").artifact.key != base.artifact.key);
    Task other = add_task();
    other.title = "another title";
    CHECK(workshop.build(other, k_add).artifact.key != base.artifact.key);
    BuildRequest request;
    request.source = k_add;
    request.isa = "x86-64-v3";
    request.kind = SourceKind::baseline;
    const auto baseline = workshop.builder.build(add_task(), request);
    REQUIRE(baseline);
    CHECK(baseline->artifact.key != base.artifact.key);
}

TEST_CASE("cache: a damaged object is built again") {
    Workshop workshop;
    const auto first = workshop.build(add_task(), k_add);
    REQUIRE(first.verdict == Verdict::accepted);
    fs::permissions(first.artifact.shared_object, fs::perms::owner_all, fs::perm_options::add);
    std::ofstream(first.artifact.shared_object, std::ios::binary) << "not an object";
    const int runs = workshop.sandbox.runs;
    const auto second = workshop.build(add_task(), k_add);
    CHECK(workshop.sandbox.runs > runs);
    CHECK_FALSE(second.facts.cached);
    CHECK(second.facts.artifact_sha256 == first.facts.artifact_sha256);
}

TEST_CASE("cache: a rejected source is not stored") {
    Workshop workshop;
    CHECK(workshop.build(add_task(), "asm(\"syscall\");\n" + k_add).verdict == Verdict::forbidden);
    CHECK(workshop.build(add_task(), "error\n" + k_add).verdict == Verdict::compile_error);
    CHECK_FALSE(fs::exists(workshop.cache.path / "build"));
}

}  // namespace
