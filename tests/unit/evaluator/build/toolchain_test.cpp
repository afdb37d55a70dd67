// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/build.hpp"
#include "evaluator/device/cpu/build_diagnostics.hpp"
#include "evaluator/device/cpu/build_flags.hpp"
#include "evaluator/device/cpu/machine_isa.hpp"
#include "tests/support/catch.hpp"

namespace {

using namespace kw;
using namespace kw::cpu;

TEST_CASE("toolchain: the compiler is found by name and by path with one hash") {
    const auto by_name = find_toolchain("g++");
    REQUIRE(by_name);
    CHECK(by_name->compiler.is_absolute());
    CHECK(by_name->family == "g++");
    CHECK(by_name->version.rfind("g++ 1", 0) == 0);
    CHECK(by_name->hash.size() == 64);
    const auto by_path = find_toolchain(by_name->compiler.string());
    REQUIRE(by_path);
    CHECK(by_path->hash == by_name->hash);
}

TEST_CASE("toolchain: a missing compiler is an environment error with the package") {
    const auto missing = find_toolchain("no-such-g++");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == Errc::environment);
    CHECK(missing.error().what.find("no-such-g++") != std::string::npos);
    CHECK(missing.error().hint.find("apt-get install g++") != std::string::npos);
    const auto no_compiler = find_toolchain("/bin/false");
    REQUIRE_FALSE(no_compiler);
    CHECK(no_compiler.error().code == Errc::environment);
}

TEST_CASE("machine: levels include the lower ones and unknown names are never there") {
    for (int level = 2; level <= 4; ++level) {
        const std::string isa = "x86-64-v" + std::to_string(level);
        CHECK(machine_has(isa) == (machine_level() >= level));
    }
    // Dot products beyond the fourth level: not on a machine that lacks that level.
    CHECK((!machine_has("x86-64-v4-vnni") || machine_has("x86-64-v4")));
    CHECK_FALSE(machine_has("x86-64-v9"));
    CHECK_FALSE(machine_has("armv9"));
    CHECK(machine_isa_id() == machine_isa_id());
    CHECK((machine_level() == 0 || (machine_level() >= 2 && machine_level() <= 4)));
}

TEST_CASE("flags: what names a file or weakens arithmetic is refused") {
    for (const char* flag :
         {"-fplugin=/tmp/x.so",
          "@/etc/passwd",
          "-include",
          "/etc/passwd",
          "-ffast-math",
          "-Ofast",
          "-funsafe-math-optimizations",
          "-march=native",
          "-o/tmp/x",
          "-O3 -ffast-math",
          "-O3\n",
          "-Wl,-rpath,/tmp",
          "-DX=1",
          "-specs=/tmp/x",
          "-B/tmp",
          "",
          "-mprefer-vector-width=1024"}) {
        CAPTURE(flag);
        CHECK(first_forbidden_flag({"-O2", flag}) == flag);
    }
    CHECK_FALSE(first_forbidden_flag(allowed_flags()));
}

DiagnosticContext context() {
    DiagnosticContext result;
    result.own_file = "candidate.cpp";
    result.source = "first line\nint broken = ;\n";
    result.task_function = "add_f32";
    result.task_signature = "extern \"C\" void add_f32(const float* a)";
    result.work_dir = "/run/user/kwright-x/build-1";
    return result;
}

TEST_CASE("diagnostics: an error shows the line of the own source and no machine path") {
    const std::string text = clean_diagnostics(
        "candidate.cpp:2:14: error: expected before ';' in "
        "/run/user/kwright-x/build-1/candidate.cpp"
        "\n",
        context());
    CHECK(
        text ==
        "candidate.cpp:2: error: expected before ';' in candidate.cpp\n"
        "    2 | int broken = ;\n");
}

TEST_CASE("diagnostics: a line number beyond the source shows no text") {
    const std::string text =
        clean_diagnostics("candidate.cpp:99999:1: error: something\n", context());
    CHECK(text == "candidate.cpp:99999: error: something\n");
}

TEST_CASE("diagnostics: warnings are shown only when there is no error") {
    const std::string warning = "candidate.cpp:1:1: warning: unused\n";
    CHECK(clean_diagnostics(warning, context()).find("unused") != std::string::npos);
    CHECK(
        clean_diagnostics(warning + "candidate.cpp:2:1: error: bad\n", context()).find("unused") ==
        std::string::npos);
}

TEST_CASE("diagnostics: an undefined task function names the signature") {
    const std::string text = clean_diagnostics(
        "/usr/bin/ld: /tmp/ccAbC.o: in function `kw_entry':\n"
        "add_f32.h:(.text+0x20): undefined reference to `add_f32'\n",
        context());
    CHECK(
        text.find("define exactly: extern \"C\" void add_f32(const float* a)") !=
        std::string::npos);
    CHECK(text.find("/tmp") == std::string::npos);
}

TEST_CASE("diagnostics: a flood of messages is cut near two KiB") {
    std::string flood;
    for (int i = 0; i < 10'000; ++i) {
        flood += "candidate.cpp:2:1: error: " + std::string(3000, 'x') + "\n";
    }
    CHECK(clean_diagnostics(flood, context()).size() < 2600);
}

TEST_CASE("diagnostics: any bytes are survived") {
    std::string bytes;
    for (int i = 0; i < 4096; ++i) {
        bytes += static_cast<char>((i * 37) & 0xff);
        bytes += i % 7 == 0 ? ":" : i % 11 == 0 ? "\n" : "";
    }
    CHECK(clean_diagnostics(bytes, context()).size() < 2600);
}

}  // namespace
