// SPDX-License-Identifier: Apache-2.0
// Who runs when: waiting threads let others run, what never ends is stopped, blocks are sampled.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

#include <set>

namespace kw::emu::test {
namespace {

using Words = std::vector<std::uint32_t>;

struct Ran {
    Report report;
    Words out;
    std::string text;
};

/// Runs a body on zeroed `out`.
Ran go(
    const std::string& body,
    Launch launch,
    std::size_t words,
    const Options& options,
    const std::string& globals = "") {
    Device device(kernel(body, globals));
    device.options = options;
    const Argument in = device.input("in", noise(64));
    const Argument out = device.in_out("out", Words(words));
    launch.kernel = "k";
    Ran ran;
    ran.report = device.launch(launch, {in, out});
    ran.out = device.read<std::uint32_t>("out");
    ran.text = device.text(ran.report);
    return ran;
}

Launch threads(std::uint32_t grid, std::uint32_t block) {
    Launch launch;
    launch.grid[0] = grid;
    launch.block[0] = block;
    return launch;
}

Options checked() {
    Options options;
    options.checks = Checks::all();
    options.wall_budget_ms = 60'000;
    return options;
}

/// out[0]: a lock; out[1] is incremented under it by every thread.
const std::string k_locked =
    "TRY: atom.global.cas.b32 %r1, [%rd1], 0, 1;\nsetp.ne.u32 %p1, %r1, 0;\n@%p1 bra TRY;\n"
    "ld.volatile.global.u32 %r2, [%rd1+4];\nadd.u32 %r2, %r2, 1;\n"
    "st.volatile.global.u32 [%rd1+4], %r2;\nmembar.gl;\natom.global.exch.b32 %r1, [%rd1], 0;\n";

}  // namespace

TEST_CASE("machine: lanes of a warp take a spin lock one after the other", "[machine]") {
    // The loop that tries stands below the critical section: the lowest pc alone would never let
    // the owner of the lock go on.
    const Ran ran = go(k_locked, threads(3, 64), 2, Options{});
    INFO(ran.text);
    CHECK(ran.report.ending == Ending::completed);
    CHECK(ran.out[1] == 3 * 64);
}

TEST_CASE("machine: a warp that polls lets the warp that it waits for run", "[machine]") {
    for (const std::string sleep : {"", "nanosleep.u32 50;\n"}) {
        // Warp 0 waits for warp 3.
        const std::string body =
            "setp.ge.u32 %p1, %r0, 96;\n@%p1 bra SET;\nWAIT: " + sleep +
            "ld.volatile.global.u32 %r1, [%rd1];\nsetp.eq.u32 %p2, %r1, 0;\n@%p2 bra WAIT;\n"
            "bra DONE;\nSET: st.volatile.global.u32 [%rd1], 1;\nDONE:\n";
        CHECK(go(body, threads(1, 128), 1, Options{}).report.ending == Ending::completed);
    }
}

TEST_CASE("machine: a block that polls for a later block gets it", "[machine]") {
    const std::string body =
        "mov.u32 %r1, %ctaid.x;\nsetp.eq.u32 %p1, %r1, 2;\n@%p1 bra SET;\n"
        "WAIT: nanosleep.u32 100;\nld.acquire.gpu.global.u32 %r2, [%rd1];\n"
        "setp.eq.u32 %p2, %r2, 0;\n@%p2 bra WAIT;\nbra DONE;\n"
        "SET: st.release.gpu.global.u32 [%rd1], 1;\nDONE:\n";
    const Ran ran = go(body, threads(3, 32), 1, Options{});
    INFO(ran.text);
    CHECK(ran.report.ending == Ending::completed);
}

TEST_CASE("machine: a kernel that never ends is stopped by each budget", "[machine]") {
    const std::string forever = "LOOP: add.u32 %r1, %r1, 1;\nbra LOOP;\n";
    Options options;
    options.instruction_budget = 10'000'000;
    const Ran spent = go(forever, threads(2, 64), 1, options);
    CHECK(spent.report.ending == Ending::hang);
    CHECK(spent.report.hang.find("instruction budget") != std::string::npos);
    CHECK(spent.report.counters.thread_instructions < 20'000'000);
    options = {};
    options.wall_budget_ms = 20;
    CHECK(go(forever, threads(2, 64), 1, options).report.hang.find("time") != std::string::npos);
    const std::atomic<bool> stop{true};
    options = {};
    options.stop = &stop;
    CHECK(go(forever, threads(2, 64), 1, options).report.ending == Ending::hang);
    // Branches that skip themselves, divergent ones, and sleepers spend it too.
    options = {};
    options.instruction_budget = 1'000'000;
    for (const std::string body :
         {"and.b32 %r1, %r0, 1;\nsetp.eq.u32 %p1, %r1, 0;\nA: @%p1 bra A;\nB: @!%p1 bra B;\n",
          "A: nanosleep.u32 1;\nbra A;\n",
          "T: .branchtargets A, B;\nA: brx.idx 1, T;\nB: brx.idx 0, T;\n",
          "A: bar.warp.sync -1;\nbra A;\n",
          "A: bar.sync 0;\nbra A;\n",
          "A: shfl.sync.idx.b32 %r1, %r0, 0, 31, -1;\nbra A;\n"}) {
        INFO(body);
        options.wall_budget_ms = 5'000;
        CHECK(go(body, threads(2, 64), 1, options).report.ending == Ending::hang);
    }
}

TEST_CASE("machine: threads that wait for each other are found and let go", "[machine]") {
    // Half of the warp waits at a barrier, the other half for a shuffle with all lanes.
    const std::string body =
        "setp.lt.u32 %p1, %r0, 16;\n@%p1 bra LOW;\nshfl.sync.idx.b32 %r1, %r0, 0, 31, -1;\n"
        "bra DONE;\nLOW: bar.sync 0;\nDONE: bar.sync 1;\n";
    const Ran ran = go(body, threads(1, 32), 1, checked());
    INFO(ran.text);
    CHECK(ran.report.ending == Ending::completed);
    std::set<FindingKind> kinds;
    for (const Finding& finding : ran.report.findings) {
        kinds.insert(finding.kind);
    }
    CHECK(kinds.contains(FindingKind::divergent_barrier));
    // Blocks of a cluster of which one never arrives: nobody is there to let the others go.
    Launch cluster = threads(2, 32);
    cluster.cluster[0] = 2;
    const Ran waiting =
        go("mov.u32 %r1, %cluster_ctarank;\nsetp.eq.u32 %p1, %r1, 0;\n@%p1 bra END;\nbar.sync 0;\n"
           "barrier.cluster.arrive;\nEND: barrier.cluster.wait;\n",
           cluster,
           1,
           checked());
    INFO(waiting.text);
    CHECK(waiting.report.ending == Ending::hang);
}

TEST_CASE("machine: only the sampled blocks run and their counts say how they vary", "[machine]") {
    // Block b loops b times.
    const std::string body =
        "mov.u32 %r1, %ctaid.x;\nmul.wide.u32 %rd4, %r1, 4;\nadd.u64 %rd3, %rd1, %rd4;\n"
        "red.global.add.u32 [%rd3], 1;\nLOOP: setp.eq.u32 %p1, %r1, 0;\n@%p1 bra DONE;\n"
        "sub.u32 %r1, %r1, 1;\nbra LOOP;\nDONE:\n";
    Options options;
    options.sampled_blocks = {2, 7, 2, 63};
    const Ran some = go(body, threads(64, 32), 64, options);
    CHECK(some.report.counters.blocks_run == 3);
    CHECK(some.report.counters.blocks_total == 64);
    CHECK(some.report.counters.block_variation > 0.5);
    for (std::size_t i = 0; i < 64; ++i) {
        CHECK(some.out[i] == (i == 2 || i == 7 || i == 63 ? 32 : 0));
    }
    options.sampled_blocks = {64};
    CHECK(go(body, threads(64, 32), 64, options).report.ending == Ending::bad_launch);
    options.sampled_blocks = {};
    const Ran same = go("red.global.add.u32 [%rd1], 1;\n", threads(64, 32), 1, options);
    CHECK(same.report.counters.block_variation == 0);
}

TEST_CASE(
    "machine: the seed changes the order of warps and nothing of a correct kernel", "[machine]") {
    // The order in which warps append themselves to a list.
    const std::string body =
        "and.b32 %r1, %r0, 31;\nsetp.ne.u32 %p1, %r1, 0;\n@%p1 bra DONE;\n"
        "atom.global.add.u32 %r2, [%rd1], 1;\nmul.wide.u32 %rd4, %r2, 4;\n"
        "add.u64 %rd4, %rd4, %rd1;\nshr.u32 %r3, %r0, 5;\nst.global.u32 [%rd4+4], %r3;\nDONE:\n";
    std::set<Words> orders;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
        Options options;
        options.seed = seed;
        const Ran ran = go(body, threads(1, 256), 9, options);
        orders.insert(ran.out);
        CHECK(ran.out == go(body, threads(1, 256), 9, options).out);
        CHECK(
            ran.report.counters.warp_instructions ==
            go(body, threads(1, 256), 9, Options{}).report.counters.warp_instructions);
    }
    CHECK(orders.size() > 3);
}

TEST_CASE("machine: launches that do not fit the kernel are refused with a reason", "[machine]") {
    Device device(kernel(""));
    const Argument in = device.input("in", noise(1));
    const Argument out = device.in_out("out", Words(1));
    const auto refused = [&](Launch launch) {
        launch.kernel = "k";
        const Report report = device.launch(launch, {in, out});
        CHECK(report.ending == Ending::bad_launch);
        CHECK(!report.error.message.empty());
    };
    refused(threads(0, 32));
    refused(threads(1, 0));
    refused(threads(1, 1025));
    Launch many = threads(1, 64);
    many.block[1] = 32;
    refused(many);
    Launch cluster = threads(3, 32);
    cluster.cluster[0] = 2;
    refused(cluster);
    Launch shared = threads(1, 32);
    shared.dynamic_shared = 1u << 30;
    refused(shared);
    Launch bytes = threads(1, 32);
    bytes.kernel = "k";
    bytes.parameters.resize(3);
    CHECK(run(device.module(), bytes, device.memory, device.options).ending == Ending::bad_launch);
    Launch all = threads(1u << 20, 1024);
    all.cooperative = true;
    refused(all);
}

TEST_CASE("machine: blocks give the same results on any number of workers", "[machine]") {
    const std::string body =
        "mov.u32 %r1, %ctaid.x;\nmov.u32 %r2, %ntid.x;\nmad.lo.u32 %r3, %r1, %r2, %r0;\n"
        "mul.wide.u32 %rd4, %r3, 4;\nadd.u64 %rd3, %rd1, %rd4;\nmov.u32 %r4, %laneid;\n"
        "mad.lo.u32 %r3, %r3, 2654435761, %r4;\nst.global.u32 [%rd3], %r3;\n";
    Options options = checked();
    const Ran one = go(body, threads(100, 96), 9600, options);
    options.threads = 5;
    const Ran five = go(body, threads(100, 96), 9600, options);
    CHECK(one.out == five.out);
    CHECK(one.report.counters.thread_instructions == five.report.counters.thread_instructions);
    CHECK(one.report.counters.instructions.size() == five.report.counters.instructions.size());
}

}  // namespace kw::emu::test
