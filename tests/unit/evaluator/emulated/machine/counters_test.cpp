// SPDX-License-Identifier: Apache-2.0
// What accesses cost, against the counts that follow from the addresses.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

namespace kw::emu::test {
namespace {

const InsnCounts& counts_of(const Report& report, const std::string& opcode) {
    for (const InsnReport& insn : report.counters.instructions) {
        if (insn.opcode == opcode) {
            return insn.counts;
        }
    }
    throw std::runtime_error("did not run: " + opcode);
}

/// Runs a body on one block with 64 KiB of `in` and `out`, checked and not; the counts must agree.
Report go(const std::string& body, std::uint32_t threads = 32, const std::string& globals = "") {
    Report reports[2];
    for (const bool checks : {false, true}) {
        Device device(kernel(body, globals));
        device.options.checks = checks ? Checks::all() : Checks{};
        const Argument in = device.input("in", std::vector<std::uint32_t>(16384));
        const Argument out = device.in_out("out", std::vector<std::uint32_t>(16384));
        Launch launch;
        launch.kernel = "k";
        launch.block[0] = threads;
        reports[checks ? 1 : 0] = device.launch(launch, {in, out});
        INFO(device.text(reports[checks ? 1 : 0]));
        REQUIRE(reports[checks ? 1 : 0].ending == Ending::completed);
    }
    const Counters& a = reports[0].counters;
    const Counters& b = reports[1].counters;
    REQUIRE(a.instructions.size() == b.instructions.size());
    for (std::size_t i = 0; i < a.instructions.size(); ++i) {
        CHECK(
            std::memcmp(&a.instructions[i].counts, &b.instructions[i].counts, sizeof(InsnCounts)) ==
            0);
    }
    return reports[1];
}

struct Cost {
    std::uint64_t sectors;
    std::uint64_t lines;
};

/// A load of 4 bytes at in + offset + stride * lane.
Cost global_cost(int stride, int offset) {
    const Report report =
        go("mul.wide.u32 %rd4, %r0, " + std::to_string(stride) + ";\nadd.u64 %rd2, %rd0, %rd4;\n" +
           "ld.global.u32 %r8, [%rd2+" + std::to_string(offset) + "];\n");
    const InsnCounts& counts = counts_of(report, "ld.global.u32");
    CHECK(counts.requests == 1);
    return {counts.sectors, counts.lines};
}

/// Wavefronts of a load of `type` from shared memory at stride * lane.
InsnCounts shared_cost(const std::string& type, const std::string& regs, int stride) {
    const std::string opcode = "ld.shared" + type;
    const Report report =
        go("mov.u32 %r1, tile;\nmad.lo.u32 %r1, %r0, " + std::to_string(stride) + ", %r1;\n" +
               opcode + " " + regs + ", [%r1];\n",
           32,
           ".shared .align 16 .b8 tile[16384];\n");
    return counts_of(report, opcode);
}

}  // namespace

TEST_CASE("machine: sectors and lines follow from stride and offset", "[machine][counters]") {
    for (const int stride : {0, 4, 8, 12, 32, 128, 132, 1024}) {
        for (const int offset : {0, 4, 28, 100, 124}) {
            std::vector<int> sectors;
            std::vector<int> lines;
            for (int lane = 0; lane < 32; ++lane) {
                // Buffers begin at a multiple of 256.
                const int at = offset + stride * lane;
                if (sectors.empty() || sectors.back() != at / 32) {
                    sectors.push_back(at / 32);
                }
                if (lines.empty() || lines.back() != at / 128) {
                    lines.push_back(at / 128);
                }
            }
            const Cost cost = global_cost(stride, offset);
            INFO(stride << " " << offset);
            CHECK(cost.sectors == sectors.size());
            CHECK(cost.lines == lines.size());
        }
    }
}

TEST_CASE(
    "machine: a loop that moves its addresses is counted position by position",
    "[machine][counters]") {
    // Lane i reads in[i + k] for k from 0 to 31: 4 sectors where it is aligned, else 5.
    const Report report =
        go("mul.wide.u32 %rd4, %r0, 4;\nadd.u64 %rd2, %rd0, %rd4;\nmov.u32 %r1, 0;\n"
           "LOOP: ld.global.u32 %r8, [%rd2];\nadd.u64 %rd2, %rd2, 4;\nadd.u32 %r1, %r1, 1;\n"
           "setp.lt.u32 %p1, %r1, 32;\n@%p1 bra LOOP;\n");
    const InsnCounts& counts = counts_of(report, "ld.global.u32");
    CHECK(counts.requests == 32);
    CHECK(counts.sectors == 4 * 4 + 28 * 5);
    CHECK(counts.lines == 1 + 31 * 2);
}

TEST_CASE(
    "machine: bank conflicts are the passes beyond what the width needs", "[machine][counters]") {
    const auto check = [](const InsnCounts& counts, std::uint64_t passes, std::uint64_t ideal) {
        CHECK(counts.wavefronts == passes);
        CHECK(counts.excess == passes - ideal);
    };
    check(shared_cost(".u32", "%r8", 4), 1, 1);     // one bank each
    check(shared_cost(".u32", "%r8", 0), 1, 1);     // one word for all
    check(shared_cost(".u32", "%r8", 8), 2, 1);     // two lanes a bank
    check(shared_cost(".u32", "%r8", 128), 32, 1);  // all in one bank
    check(shared_cost(".u32", "%r8", 132), 1, 1);   // padded
    check(shared_cost(".u16", "%h8", 2), 1, 1);     // two lanes a word
    check(shared_cost(".v2.u32", "{%r8,%r9}", 8), 2, 2);
    check(shared_cost(".v4.u32", "{%r8,%r9,%r10,%r11}", 16), 4, 4);
    check(shared_cost(".v4.u32", "{%r8,%r9,%r10,%r11}", 32), 8, 4);
    check(shared_cost(".v4.u32", "{%r8,%r9,%r10,%r11}", 128), 32, 4);
}

TEST_CASE("machine: instructions are counted by class and by place", "[machine][counters]") {
    const Report report =
        go("setp.lt.u32 %p1, %r0, 8;\n@%p1 bra LOW;\nadd.u32 %r1, %r0, 1;\nbra DONE;\n"
           "LOW: add.u32 %r1, %r0, 2;\nmul.lo.u32 %r1, %r1, 3;\nDONE: bar.sync 0;\n"
           "red.global.add.u32 [%rd1], 1;\n",
           64);
    const Counters& counters = report.counters;
    CHECK(counters.barriers == 2);
    CHECK(counters.atomics == 64);
    CHECK(counters.blocks_run == 1);
    const InsnCounts& branches = counters.by_work[static_cast<std::size_t>(Work::branch)];
    CHECK(branches.divergent == 1);  // warp 0 alone
    std::uint64_t threads = 0;
    std::uint64_t warps = 0;
    int line = 0;
    for (const InsnReport& insn : counters.instructions) {
        threads += insn.counts.threads;
        warps += insn.counts.warps;
        CHECK(insn.at.ptx_line >= line);
        line = insn.at.ptx_line;
    }
    CHECK(threads == counters.thread_instructions);
    CHECK(warps == counters.warp_instructions);
    for (const InsnReport& insn : counters.instructions) {
        if (insn.opcode == "mul.lo.u32") {
            CHECK(insn.counts.threads == 8);
            CHECK(insn.counts.warps == 1);
        }
    }
}

}  // namespace kw::emu::test
