// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/emu_run.hpp"

#include "evaluator/device/emulated/check.hpp"
#include "evaluator/device/emulated/tensor_maps.hpp"
#include "evaluator/harness/emu_job.hpp"
#include "tests/support/catch.hpp"

using namespace kw;
using namespace kw::emulated;

namespace {

const std::string k_report =
    R"({"schema":"kw-emu-report/1","errors":[],"launches":[{"kernel":"k","ending":"completed",)"
    R"("error":"","hang":"","findings":[{"kind":"shared memory race","severity":"error",)"
    R"("text":"error: shared memory race","line":7,"ptx_line":40,"count":3}],"counters":{)"
    R"("by_work":{"global":{"warps":4,"threads":128,"sectors":16}},"memory":[{"opcode":"ld.global",)"
    R"("line":7,"work":"global","requests":4,"sectors":16}],"warp_instructions":100,)"
    R"("blocks_run":1,"blocks_total":8,"block_variation":0.5},"shared_bytes":512,"log":"hi"}]})";

RunRequest request() {
    RunRequest made;
    made.ptx = ".version 9.0\n.target sm_90\nlines\n";
    made.buffers = {{"w", 0, 100, "in"}, {"y", 256, 8, "out"}, {"part", 512, 64, "scratch"}};
    RunLaunch first;
    first.kernel = "k1";
    first.grid = {3, 2, 1};
    first.block = {128, 1, 1};
    first.smem = 4096;
    first.sample = {0, 5};
    RunLaunch second;
    second.kernel = "k2";
    second.cooperative = true;
    second.parameters = {std::byte{0x00}, std::byte{0xfe}, std::byte{0x10}};
    made.launches = {first, second};
    made.again = RunAgain{77, 1024};
    return made;
}

}  // namespace

TEST_CASE("emulator job: what is asked arrives in the sandboxed program", "[emulated]") {
    const RunRequest asked = request();
    const std::string text = job_text(asked);
    std::string problem;
    const auto job = harness::read_job(text, problem);
    INFO(problem);
    REQUIRE(job);
    CHECK(job->ptx == asked.ptx);
    CHECK(job->options.checks.races);
    CHECK(job->options.instruction_budget == asked.instructions);
    REQUIRE(job->buffers.size() == 3);
    CHECK(job->buffers[1].offset == 256);
    REQUIRE(job->again);
    CHECK_FALSE(job->again->checks.races);
    CHECK(job->again->seed == 77);
    CHECK(job->again->shift == 1024);
    CHECK(job->buffers[1].access == emu::Access::output);
    CHECK_FALSE(job->buffers[2].initialised);
    REQUIRE(job->launches.size() == 2);
    CHECK(job->launches[0].grid == asked.launches[0].grid);
    CHECK(job->launches[0].dynamic_shared == 4096);
    CHECK(job->samples[0] == asked.launches[0].sample);
    CHECK(job->samples[1].empty());
    CHECK(job->launches[1].cooperative);
    CHECK(job->launches[1].parameters == asked.launches[1].parameters);
}

TEST_CASE("emulator job: a cut job is refused and never read past its end", "[emulated]") {
    const std::string text = job_text(request());
    for (std::size_t length = 0; length < text.size(); ++length) {
        std::string problem;
        CHECK_FALSE(harness::read_job(std::string_view(text).substr(0, length), problem));
        CHECK_FALSE(problem.empty());
    }
}

TEST_CASE("emulator job: a buffer lies where the device puts it", "[emulated]") {
    emu::Memory memory;
    std::vector<std::byte> bytes(16);
    for (std::size_t i = 0; i < 5; ++i) {
        emu::Allocation allocation;
        allocation.host = bytes.data();
        allocation.bytes = bytes.size();
        CHECK(memory.add(std::move(allocation)) == buffer_address(i));
    }
}

TEST_CASE("tensor maps: a plan's map is encoded byte by byte as documented", "[emulated]") {
    cuda::EvaluatedTensorMap map;
    map.name = "tm";
    map.dtype = "bf16";
    map.dims = {1000, 7, std::uint64_t{1} << 32};
    map.strides = {2048, 0x123450};
    map.box = {64, 256, 1};
    map.element_strides = {1, 2, 8};
    map.swizzle = "128B";
    map.interleave = "none";
    map.oob = "nan";
    const auto made = tensor_map_of(map, buffer_address(2));
    REQUIRE(made);
    CHECK(std::string(emu::problem_of(*made)).empty());
    const emu::TensorMapBytes bytes = emu::encode(*made);
    const auto number = [&bytes](std::size_t at, std::size_t size) {
        std::uint64_t value = 0;
        for (std::size_t i = size; i-- > 0;) {
            value = value << 8 | std::to_integer<std::uint64_t>(bytes[at + i]);
        }
        return value;
    };
    CHECK(number(0, 8) == emu::k_tensor_magic);
    CHECK(number(8, 8) == buffer_address(2));
    CHECK(number(16, 8) == 2048);
    CHECK(number(24, 8) == 0x123450);
    CHECK(number(48, 4) == 999);
    CHECK(number(56, 4) == 0xFFFFFFFF);
    CHECK(number(70, 2) == 256);
    CHECK(number(79, 1) == 2);
    CHECK(number(83, 1) == 3);
    CHECK(number(84, 1) == static_cast<std::uint64_t>(emu::TensorType::bf16));
    CHECK(number(85, 1) == 3);
    CHECK(number(87, 1) == 1);
    map.interleave = "16B";
    CHECK_FALSE(tensor_map_of(map, buffer_address(2)));
}

TEST_CASE("emulator report: counts and findings are read", "[emulated]") {
    const auto report = read_report(k_report);
    REQUIRE(report);
    REQUIRE(report->launches.size() == 1);
    const LaunchReport& launch = report->launches.front();
    CHECK(launch.findings.at(0).line == 7);
    CHECK(launch.by_work.at("global").threads == 128);
    CHECK(launch.memory.at(0).count.sectors == 16);
    CHECK(launch.blocks_total == 8);
    CHECK(launch.block_variation == 0.5);
    const auto rejection = rejection_of(*report, "case tiny");
    REQUIRE(rejection);
    CHECK(rejection->verdict == Verdict::race);
}

TEST_CASE("emulator report: hostile text gives nothing or plain numbers", "[emulated]") {
    for (std::size_t length = 0; length < k_report.size(); ++length) {
        CHECK_FALSE(read_report(k_report.substr(0, length)));
    }
    for (const char* text :
         {"",
          "[]",
          "null",
          R"({"schema":1})",
          R"({"schema":"kw-emu-report/2","launches":[]})",
          R"({"schema":"kw-emu-report/1","launches":1e999})"}) {
        CHECK_FALSE(read_report(text));
    }
    const auto report = read_report(
        R"({"schema":"kw-emu-report/1","errors":5,"launches":[7,{"kernel":[],"ending":3,)"
        R"("findings":{"a":1},"counters":{"by_work":[1],"memory":[{"line":-4,"sectors":1e300}],)"
        R"("warp_instructions":"many","blocks_run":-1}}]})");
    REQUIRE(report);
    REQUIRE(report->launches.size() == 1);
    CHECK(report->launches[0].warp_instructions == 0);
    CHECK(report->launches[0].blocks_run == 0);
    CHECK(report->launches[0].memory.at(0).count.sectors == 0);
    // A launch that does not say that it completed did not.
    CHECK(rejection_of(*report, "case tiny"));
}
