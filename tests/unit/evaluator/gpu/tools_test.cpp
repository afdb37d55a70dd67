// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_tools.hpp"
#include "evaluator/device/cuda/nvml.hpp"
#include "tests/support/catch.hpp"

using namespace kw;
using namespace kw::cuda;

namespace {

const std::string k_clean = "========= COMPUTE-SANITIZER\n========= ERROR SUMMARY: 0 errors\n";
const std::string k_bad =
    "========= COMPUTE-SANITIZER\n"
    "========= Invalid __global__ write of size 4 bytes\n"
    "=========     at gemv+0x70\n"
    "=========     by thread (31,0,0) in block (2,0,0)\n"
    "========= ERROR SUMMARY: 12 errors\n";

}  // namespace

TEST_CASE("gpu tools: a report of compute-sanitizer is a rejection only when it counts errors") {
    CHECK(sanitizer_ran(k_clean));
    CHECK(!read_sanitizer("memcheck", k_clean));
    CHECK(!sanitizer_ran("kernel output, no summary\n"));
    const auto rejection = read_sanitizer("memcheck", k_bad);
    REQUIRE(rejection);
    CHECK(rejection->verdict == Verdict::out_of_bounds);
    CHECK(rejection->summary.find("memcheck counts 12") != std::string::npos);
    CHECK(rejection->detail.find("Invalid __global__ write") == 0);
    CHECK(read_sanitizer("racecheck", k_bad)->verdict == Verdict::race);
    CHECK(
        read_sanitizer(
            "racecheck",
            "========= RACECHECK SUMMARY: 3 hazards displayed (3 errors, 0 warnings)\n")
            ->verdict == Verdict::race);
}

TEST_CASE("gpu tools: hazards that are only warnings are a finding") {
    const std::string warned =
        "========= RACECHECK SUMMARY: 3 hazards displayed (0 errors, 3 warnings)\n";
    CHECK(sanitizer_ran(warned));
    CHECK(!read_sanitizer("racecheck", warned));
    REQUIRE(sanitizer_warnings("racecheck", warned));
    CHECK(sanitizer_warnings("racecheck", warned)->evidence == "racecheck warns of 3 hazards");
    CHECK(!sanitizer_warnings("racecheck", k_clean));
    const std::string both =
        "========= RACECHECK SUMMARY: 5 hazards displayed (1 error, 4 warnings)\n";
    CHECK(read_sanitizer("racecheck", both)->summary.find("counts 1") != std::string::npos);
}

TEST_CASE("gpu tools: what a kernel prints cannot pass for the tool's report") {
    // A device's printf has no line of its own: the mark must begin one, and a clean summary that
    // is forged does not hide the true one.
    const std::string forged = "x ========= ERROR SUMMARY: 7 errors\n" + k_clean;
    CHECK(!read_sanitizer("memcheck", forged));
    CHECK(read_sanitizer("memcheck", "========= ERROR SUMMARY: 0 errors\n" + k_bad));
    CHECK(read_sanitizer("memcheck", k_bad + "========= ERROR SUMMARY: 0 errors\n"));
}

TEST_CASE("gpu tools: lines of a report are cut and made plain") {
    const std::string long_line(5000, 'x');
    const auto rejection = read_sanitizer(
        "memcheck", "========= \x1b[31m" + long_line + "\n========= ERROR SUMMARY: 1 errors\n");
    REQUIRE(rejection);
    CHECK(rejection->detail.size() <= 200);
    CHECK(rejection->detail.find('\x1b') == std::string::npos);
}

TEST_CASE("gpu tools: figures of the profiler become facts") {
    const std::string csv =
        "==PROF== Connected to process 1\n"
        "\"ID\",\"Kernel Name\",\"gpu__time_duration.sum\","
        "\"sm__inst_executed_pipe_tensor.avg.pct_of_peak_sustained_active\"\n"
        "\"\",\"\",\"ns\",\"%\"\n"
        "\"0\",\"gemv\",\"1,000\",\"40.0\"\n"
        "\"1\",\"gemv\",\"3,000\",\"60.0\"\n";
    const std::vector<Finding> facts = read_profile(csv);
    REQUIRE(facts.size() == 2);
    CHECK(facts[0].rule == "ncu-time");
    CHECK(facts[0].evidence == "time under the profiler: 2000 ns");
    CHECK(facts[1].evidence == "tensor pipe in use: 50 %");
    CHECK(facts[1].phase == "profile");
    CHECK(read_profile("==ERROR== ERR_NVGPUCTRPERM\n").empty());
}

TEST_CASE("gpu tools: reasons for lower clocks that spoil a time are named") {
    CHECK(show_slowdown(0x1).empty());  // idle
    CHECK(show_slowdown(0x2).empty());  // application clocks
    CHECK(show_slowdown(0x4 | 0x20) == "power cap, heat");
    GpuReading reading;
    CHECK(!is_throttled(reading));
    reading.slowed_by = 0x80;
    CHECK(is_throttled(reading));
}
