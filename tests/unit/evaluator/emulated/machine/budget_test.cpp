// SPDX-License-Identifier: Apache-2.0
// Attacks on the budgets: instructions that each do the work of thousands. Here they stand in a
// straight line or a short loop of one warp, whose turn would last as long as all of them together.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

namespace kw::emu::test {
namespace {

const std::string k_globals =
    ".extern .func (.param .b32 r) vprintf (.param .b64 f, .param .b64 a);\n"
    ".global .align 1 .b8 text[1002] = {" +
    [] {
        std::string letters;
        for (int i = 0; i < 1000; ++i) {
            letters += "65, ";
        }
        return letters + "10, 0";
    }() +
    "};\n.shared .align 8 .b64 bar;\n.shared .align 128 .b8 tile[65536];\n";

std::string times(int count, const std::string& text) {
    std::string out;
    for (int i = 0; i < count; ++i) {
        out += text;
    }
    return out;
}

/// How often a heavy instruction, the only one of its opcode, was executed.
struct Ran {
    Report report;
    std::uint64_t heavy = 0;
    std::string text;
};

Ran go(
    const std::string& body,
    const std::string& opcode,
    const Options& options,
    std::uint32_t threads = 32) {
    Device device(kernel("mov.u32 %r1, bar;\nmov.u32 %r2, tile;\n" + body, k_globals));
    device.options = options;
    Launch launch;
    launch.kernel = "k";
    launch.block[0] = threads;
    const std::vector<std::uint32_t> data(32768);
    Ran ran;
    ran.report = device.launch(launch, {device.input("in", data), device.in_out("out", data)});
    for (const InsnReport& insn : ran.report.counters.instructions) {
        ran.heavy += insn.opcode.starts_with(opcode) ? insn.counts.warps : 0;
    }
    ran.text = device.text(ran.report);
    return ran;
}

struct Heavy {
    const char* opcode;
    std::string before;  ///< what has to be done once
    std::string insn;
    std::uint32_t threads = 32;
};

const std::string k_init = "mbarrier.init.shared::cta.b64 [%r1], 1;\n";
const std::string k_print =
    "{\n.param .b64 f;\n.param .b64 a;\n.param .b32 r;\nmov.u64 %rd5, text;\n"
    "st.param.b64 [f], %rd5;\nst.param.b64 [a], 0;\n"
    "call.uni (r), vprintf, (f, a);\n}\n";

std::vector<Heavy> heavy_instructions() {
    return {
        {"cp.async.bulk.global",
         "",
         "cp.async.bulk.global.shared::cta.bulk_group [%rd1], [%r2], 65536;\n"},
        {"cp.async.bulk.shared",
         k_init,
         "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r2], [%rd0], 65536, "
         "[%r1];\n"},
        {"cp.async.bulk.shared",  // read as a whole before it is known that there is no room
         k_init,
         "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r2+65520], [%rd0], "
         "131072, [%r1];\n"},
        {"cp.reduce.async.bulk",
         "",
         "cp.reduce.async.bulk.global.shared::cta.bulk_group.add.u32 [%rd1], [%r2], 65536;\n"},
        {"cp.async.wait_group",  // looks at every copy in flight
         "mov.u32 %r3, 0;\nMORE: cp.async.ca.shared.global [%r2], [%rd0], 4;\n"
         "cp.async.commit_group;\nadd.u32 %r3, %r3, 1;\nsetp.lt.u32 %p1, %r3, 4000;\n"
         "@%p1 bra MORE;\n",
         "cp.async.wait_group 5000;\n"},
        {"call", "", k_print},
        {"wgmma.mma_async",
         "mov.b64 %rd2, 0;\nmov.pred %p1, 0;\n",
         "wgmma.mma_async.sync.aligned.m64n8k16.f16.f16.f16 {%r4, %r5}, %rd2, %rd2, %p1, 1, 1, 0, "
         "0;\n",
         128}};
}

}  // namespace

TEST_CASE("budgets: the work of heavy instructions counts as instructions", "[machine][hostile]") {
    for (const Heavy& heavy : heavy_instructions()) {
        // wgmma of eight columns is one instruction more: a loop of many.
        const bool light = heavy.threads != 32;
        Options options;
        options.instruction_budget = light ? 32 * 20'000 : 32 * 40'000;
        const std::string body =
            light ? "mov.u32 %r9, 0;\nA:\n" + times(100, heavy.insn) +
                        "add.u32 %r9, %r9, 1;\nsetp.lt.u32 %p2, %r9, 100;\n@%p2 bra A;\n"
                  : times(200, heavy.insn);
        const Ran ran = go(heavy.before + body, heavy.opcode, options, heavy.threads);
        INFO(heavy.insn << ran.text << ran.heavy);
        CHECK(ran.report.ending == Ending::hang);
        CHECK(ran.report.hang.find("instruction budget") != std::string::npos);
        CHECK(ran.heavy > 0);
        CHECK(ran.heavy < (light ? 20'000U : 100U));
    }
}

TEST_CASE("budgets: the clock is looked at inside of a long turn", "[machine][hostile]") {
    for (const Heavy& heavy : heavy_instructions()) {
        if (heavy.threads != 32) {
            continue;
        }
        Options options;
        options.wall_budget_ms = 0;
        const Ran ran =
            go(heavy.before + times(200, heavy.insn), heavy.opcode, options, heavy.threads);
        INFO(heavy.insn << ran.text << ran.heavy);
        CHECK(ran.report.ending == Ending::hang);
        CHECK(ran.report.hang.find("time budget") != std::string::npos);
        CHECK(ran.heavy < 100U);
    }
}

TEST_CASE(
    "budgets: the warps of a block do not wait for each other's turns", "[machine][hostile]") {
    Options options;
    options.instruction_budget = 32 * 1'000;
    const Ran ran = go(times(2'000, "add.u32 %r3, %r3, %r0;\n"), "add", options, 1024);
    INFO(ran.text << ran.heavy);
    CHECK(ran.report.ending == Ending::hang);
    CHECK(ran.heavy < 30'000U);  // of 64,000
}

}  // namespace kw::emu::test
