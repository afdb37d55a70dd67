// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/model.hpp"

#include "evaluator/device/emulated/modelled.hpp"
#include "tests/support/catch.hpp"

using namespace kw;
using namespace kw::emulated;

namespace {

/// A grid of 1000 blocks of 256 threads that streams 16 bytes a thread.
struct Streaming {
    LaunchReport report;
    RunLaunch launch;

    Streaming() {
        launch.grid = {1000, 1, 1};
        launch.block = {256, 1, 1};
        report.kernel = "k";
        report.blocks_run = 10;
        report.blocks_total = 1000;
        report.warp_instructions = 10 * 8 * 20;
        report.by_work["multiply_add"] = {80, 80 * 32};
        MemoryInsn load;
        load.opcode = "ld.global.v4.f32";
        load.work = "global";
        load.count = {80, 80 * 32, 80, 80 * 16, 80 * 4};
        report.memory.push_back(load);
    }

    [[nodiscard]] ModelledTime time(const char* arch = "sm_90a", int registers = 32) const {
        return model(
            *model_of_arch(arch),
            *cuda::constants_of_arch(arch),
            {report, launch, registers, std::int64_t{1} << 30});
    }
};

double term(const ModelledTime& time, const std::string& name) {
    for (const Term& entry : time.terms) {
        if (entry.name == name) {
            return entry.ns;
        }
    }
    FAIL("no term " << name);
    return 0;
}

}  // namespace

TEST_CASE("model: bytes at the bandwidth of the product are the dram term", "[emulated]") {
    const Streaming kernel;
    // 1000 blocks x 8 warps x 16 sectors x 32 bytes over 3350 GB/s
    CHECK(term(kernel.time(), "dram") == Approx(1000.0 * 8 * 16 * 32 / 3350));
    CHECK(term(kernel.time("sm_80"), "dram") == Approx(1000.0 * 8 * 16 * 32 / 2039));
}

TEST_CASE("model: more of anything is never faster", "[emulated]") {
    const Streaming plain;
    const double before = plain.time().ns;
    Streaming more = plain;
    more.report.memory[0].count.sectors *= 8;
    CHECK(more.time().ns > before);
    more = plain;
    more.report.warp_instructions *= 100;
    CHECK(more.time().ns > before);
    more = plain;
    more.report.blocks_total *= 50;
    CHECK(more.time().ns > before);
    more = plain;
    MemoryInsn conflict;
    conflict.work = "shared";
    conflict.count.requests = 80;
    conflict.count.wavefronts = 80 * 32 * 20;
    more.report.memory.push_back(conflict);
    CHECK(more.time().limiter == "shared");
    CHECK(more.time().ns > before);
}

TEST_CASE("model: registers and shared memory lower the occupancy", "[emulated]") {
    const Streaming kernel;
    CHECK(kernel.time("sm_90a", 32).occupancy == Approx(1.0));
    CHECK(kernel.time("sm_90a", 128).occupancy == Approx(0.25));
    Streaming shared = kernel;
    shared.report.shared_bytes = 100 * 1024;
    CHECK(shared.time().blocks_per_sm == 2);
}

TEST_CASE("model: matrix instructions count by shape and type", "[emulated]") {
    const auto with = [](const char* opcode) {
        Streaming kernel;
        MemoryInsn mma;
        mma.opcode = opcode;
        mma.work = "matrix";
        mma.count.warps = 1'000'000;
        kernel.report.memory.push_back(mma);
        return term(kernel.time(), "matrix");
    };
    const double f16 = with("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32");
    CHECK(with("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32") == Approx(f16));
    CHECK(with("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32") == Approx(f16));
    CHECK(with("wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16") == Approx(f16));
    CHECK(with("wmma.load.a.sync.aligned.row.m16n16k16.shared.f16") == 0);
}

TEST_CASE("model: the bytes of a launch are scaled to its grid", "[emulated]") {
    CHECK(Streaming().time().l2_bytes == Approx(1000.0 * 8 * 16 * 32));
}

TEST_CASE("model: a time below the floor counts as the floor and says so", "[emulated]") {
    const Floor floor{4'000'000, 2000};
    const auto held = [&](double ns, double bytes, bool judged) {
        ModelledCall call;
        call.ns = ns;
        call.bytes = bytes;
        hold_to_floor(call, "big", floor, judged);
        return call;
    };
    for (const bool judged : {true, false}) {
        const ModelledCall above = held(2001, 2'000'000, judged);
        CHECK(above.ns == 2001);
        CHECK(above.findings.empty());
        CHECK_FALSE(above.rejection);
        // As many bytes as are due, or nearly: the model is wrong.
        const ModelledCall below = held(1500, 3'000'000, judged);
        CHECK(below.ns == 2000);
        REQUIRE(below.findings.size() == 1);
        CHECK(below.findings[0].rule == "below-floor");
        CHECK_FALSE(below.rejection);
    }
    for (const double ns : {1500, 9000}) {
        const ModelledCall idle = held(ns, 1'900'000, true);
        REQUIRE(idle.rejection);
        CHECK(idle.rejection->verdict == Verdict::too_fast);
        CHECK_FALSE(held(ns, 1'900'000, false).rejection);
    }
}

TEST_CASE("model: an unknown architecture has none", "[emulated]") {
    CHECK(model_of_arch("sm_90a"));
    CHECK_FALSE(model_of_arch("sm_75"));
    CHECK_FALSE(model_of_arch(""));
}

TEST_CASE("model: a sample of blocks holds the first and the last", "[emulated]") {
    for (std::uint64_t total = 0; total <= 16; ++total) {
        CHECK(sample_blocks(total).empty());
    }
    for (const std::uint64_t total : {17ULL, 100ULL, 4096ULL, 2147483647ULL}) {
        const auto blocks = sample_blocks(total);
        CHECK(blocks.front() == 0);
        CHECK(blocks.back() == total - 1);
        for (std::size_t i = 1; i < blocks.size(); ++i) {
            CHECK(blocks[i] > blocks[i - 1]);
        }
    }
}
