// SPDX-License-Identifier: Apache-2.0
// Several workers: who may share the blocks of a launch, and that what they say is what one says.
#include "evaluator/device/emulated/engine/shadow_concurrent.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

#include <random>

namespace kw::emu::test {
namespace {

struct Ran {
    Report report;
    std::string text;
    std::vector<std::uint32_t> out;
};

/// The body on 24 blocks of 64 threads; %r1 is the thread's number in the grid.
Ran go(
    const std::string& body,
    int workers,
    const std::string& globals = "",
    const std::vector<std::uint64_t>& sample = {}) {
    Device device(kernel(
        "mov.u32 %r2, %ctaid.x;\nmov.u32 %r3, %ntid.x;\nmad.lo.u32 %r1, %r2, %r3, %r0;\n"
        "mul.wide.u32 %rd2, %r1, 4;\nadd.u64 %rd2, %rd1, %rd2;\n" +
            body,
        globals));
    device.options.checks = Checks::all();
    device.options.threads = workers;
    device.options.sampled_blocks = sample;
    const Argument in = device.input("in", noise(64));
    const Argument out = device.in_out("out", noise(24 * 64, 2));
    Launch launch;
    launch.kernel = "k";
    launch.grid = {24, 1, 1};
    launch.block = {64, 1, 1};
    Ran ran{device.launch(launch, {in, out}), "", {}};
    ran.text = device.text(ran.report);
    ran.out = device.read<std::uint32_t>("out");
    return ran;
}

}  // namespace

TEST_CASE("machine: only kernels that cannot show an order share their blocks", "[machine]") {
    struct Rule {
        const char* body;
        bool shared;
    };
    for (const Rule rule : {
             Rule{"st.global.u32 [%rd2], %r1;", true},
             Rule{"red.global.add.u32 [%rd1], 1;", true},
             Rule{"atom.global.add.u32 %r9, [%rd1], 1;", true},
             Rule{"atom.global.max.s32 _, [%rd1], 1;", true},
             Rule{"atom.shared.add.u32 %r9, [tile], 1;\nadd.u32 %r8, %r9, 1;", true},
             Rule{"st.volatile.shared.u32 [tile], %r0;", true},
             Rule{"atom.global.add.u32 %r9, [%rd1], 1;\nadd.u32 %r8, %r9, 1;", false},
             Rule{"red.global.add.u32 [%rd1], 1;\nred.global.max.u32 [%rd1], %r1;", false},
             Rule{"red.global.add.f32 [%rd1], 0f3F800000;", false},
             Rule{"red.global.inc.u32 [%rd1], 7;", false},
             Rule{"atom.global.exch.b32 _, [%rd1], %r1;", false},
             Rule{
                 "atom.add.u32 %r9, [%rd1], 1;\n@%p0 bra L;\nst.global.u32 [%rd2], %r9;\nL:",
                 false},
             Rule{"ld.volatile.global.u32 %r9, [%rd2];", false},
             Rule{"st.relaxed.gpu.u32 [%rd2], %r1;", false},
             Rule{"mov.u32 %r9, %clock;\nst.global.u32 [%rd2], 1;", false},
         }) {
        const Ran ran = go(rule.body, 4, ".shared .align 4 .b8 tile[64];\n");
        INFO(rule.body << "\n" << ran.text);
        CHECK(ran.report.ending == Ending::completed);
        CHECK((ran.report.workers > 1) == rule.shared);
    }
}

TEST_CASE("machine: races, traps and bad accesses are told alike by any workers", "[machine]") {
    for (const char* body : {
             // Every block writes one word; every block reads what the next one writes.
             "st.global.u32 [%rd1], %r1;",
             "ld.global.u32 %r9, [%rd1+256];\nst.global.u32 [%rd2], %r9;",
             "st.global.u32 [%rd1], 7;",
             // Blocks 5 and up leave the buffer, or trap after having written.
             "setp.gt.u32 %p1, %r2, 4;\n@%p1 st.global.u32 [%rd2+6144], 1;",
             "st.global.u32 [%rd2], %r1;\nsetp.eq.u32 %p1, %r2, 5;\n@%p1 trap;",
             "ld.shared.u32 %r9, [tile];\nst.shared.u32 [tile+4], %r0;",
         }) {
        const Ran one = go(body, 1, ".shared .align 4 .b8 tile[64];\n");
        INFO(body << "\n" << one.text);
        CHECK_FALSE(one.report.findings.empty());
        for (int repeat = 0; repeat < 5; ++repeat) {
            const Ran four = go(body, 4, ".shared .align 4 .b8 tile[64];\n");
            INFO(four.text);
            REQUIRE(four.text == one.text);
            REQUIRE(four.out == one.out);
            REQUIRE(
                four.report.counters.thread_instructions ==
                one.report.counters.thread_instructions);
        }
    }
}

TEST_CASE("machine: a sample that is run again finds the memory as it was", "[machine]") {
    const std::string body =
        "ld.global.u32 %r9, [%rd2];\nadd.u32 %r9, %r9, 1;\nst.global.u32 [%rd2], %r9;\n"
        "setp.eq.u32 %p1, %r2, 23;\n@%p1 trap;\n";
    const std::vector<std::uint64_t> sample = {0, 5, 17, 23};
    const Ran one = go(body, 1, "", sample);
    REQUIRE(one.report.findings.size() == 1);
    for (int repeat = 0; repeat < 5; ++repeat) {
        const Ran four = go(body, 4, "", sample);
        REQUIRE(four.text == one.text);
        REQUIRE(four.out == one.out);
    }
}

TEST_CASE("machine: a run that is doubted leaves the whole time to the next", "[machine]") {
    // Two blocks race at their end, so that a run of several workers takes the time of two blocks
    // or more before it is doubted. A look at this clock takes a millisecond, a block a hundred.
    static std::atomic<int> looks;
    const std::string body =
        "mov.u32 %r7, 0;\nLOOP: add.u32 %r7, %r7, 1;\nsetp.lt.u32 %p1, %r7, 330000;\n"
        "@%p1 bra LOOP;\nst.global.u32 [%rd1], %r1;\n";
    for (const int workers : {1, 2}) {
        looks = 0;
        Device device(kernel("mov.u32 %r1, %ctaid.x;\n" + body));
        device.options.checks = Checks::all();
        device.options.threads = workers;
        device.options.wall_budget_ms = 500;
        device.options.now = [] {
            return std::chrono::steady_clock::time_point(std::chrono::milliseconds(++looks));
        };
        Launch launch;
        launch.kernel = "k";
        launch.grid = {4, 1, 1};
        launch.block = {32, 1, 1};
        const Report report = device.launch(
            launch, {value(std::uint64_t{0}), device.in_out("out", std::vector<std::uint32_t>(1))});
        INFO(device.text(report) << looks << " looks");
        CHECK(report.ending == Ending::completed);
        CHECK(report.findings.size() == 1);
        CHECK(report.workers == 1);
        CHECK((workers == 1 || looks > 500));
    }
}

TEST_CASE(
    "concurrent shadow: no conflict escapes it, and without strong accesses nothing else is "
    "doubted",
    "[machine]") {
    std::mt19937 random(4);
    std::vector<std::byte> bytes(64);
    for (int round = 0; round < 2000; ++round) {
        Memory memory;
        Allocation allocation;
        allocation.host = bytes.data();
        allocation.bytes = bytes.size();
        REQUIRE(memory.add(std::move(allocation)) != 0);
        ConcurrentShadow shadow(memory, 2);
        struct Access {
            std::uint64_t cell, block;
            bool write, strong;
        };
        std::vector<Access> before;
        const auto blocks = static_cast<std::uint32_t>(1 + random() % 4);
        const auto mostly_reads = static_cast<std::uint32_t>(2 + random() % 6);
        const bool plain = random() % 2 == 0;
        for (int i = 0; i < 30; ++i) {
            const Access now{
                random() % 3,
                random() % blocks,
                random() % mostly_reads == 0,
                !plain && random() % 2 == 0};
            const bool conflict = std::ranges::any_of(before, [&](const Access& earlier) {
                return earlier.cell == now.cell && earlier.block != now.block &&
                       (earlier.write || now.write) && !(earlier.strong && now.strong);
            });
            const bool good = now.write ? shadow.write(0, 4 * now.cell, 4, now.block, now.strong)
                                        : shadow.read(0, 4 * now.cell, 4, now.block, now.strong);
            // It forgets which of a block's accesses were strong, and then doubts too much.
            const bool exact = plain || conflict;
            REQUIRE((good == !conflict || !exact));
            if (!good) {
                break;
            }
            before.push_back(now);
        }
    }
}

}  // namespace kw::emu::test
