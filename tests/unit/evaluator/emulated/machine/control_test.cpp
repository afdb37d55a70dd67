// SPDX-License-Identifier: Apache-2.0
// Golden tests of control flow, barriers and fences.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/golden.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

namespace kw::emu::test {
namespace {

using Words = std::vector<std::uint32_t>;

/// A kernel whose threads leave %r9 in out[thread].
std::string result_kernel(const std::string& body, const std::string& globals = "") {
    return kernel(
        "mul.wide.u32 %rd4, %r0, 4;\nadd.u64 %rd3, %rd1, %rd4;\n" + body +
            "st.global.u32 [%rd3], %r9;\n",
        globals);
}

Words results(
    const std::string& body, std::uint32_t threads = 32, const std::string& globals = "") {
    return run_values<std::uint32_t>(result_kernel(body, globals), noise(1), threads, threads);
}

template <class F>
Words each(std::uint32_t threads, F f) {
    Words out(threads);
    for (std::uint32_t i = 0; i < threads; ++i) {
        out[i] = f(i);
    }
    return out;
}

}  // namespace

TEST_CASE("machine: branches part the lanes of a warp and they meet again", "[machine]") {
    KW_GOLDEN("bra");
    // Collatz steps of the thread's number: a loop whose trip count differs in every lane.
    const auto steps = [](std::uint32_t n) {
        std::uint32_t count = 0;
        for (n += 1; n != 1; ++count) {
            n = n % 2 == 0 ? n / 2 : 3 * n + 1;
        }
        return count;
    };
    const std::string body =
        "add.u32 %r8, %r0, 1;\nmov.u32 %r9, 0;\n"
        "LOOP: setp.eq.u32 %p1, %r8, 1;\n@%p1 bra DONE;\n"
        "and.b32 %r10, %r8, 1;\nsetp.eq.u32 %p2, %r10, 0;\n@!%p2 bra ODD;\n"
        "shr.u32 %r8, %r8, 1;\nbra.uni NEXT;\n"
        "ODD: mad.lo.u32 %r8, %r8, 3, 1;\n"
        "NEXT: add.u32 %r9, %r9, 1;\nbra LOOP;\n"
        "DONE: vote.sync.ballot.b32 %r10, %p1, -1;\n";  // waits for all lanes
    CHECK(results(body, 96) == each(96, steps));
}

TEST_CASE("machine: brx goes to the label with the lane's index", "[machine]") {
    KW_GOLDEN("brx_idx");
    const std::string body =
        "and.b32 %r8, %r0, 3;\nTABLE: .branchtargets A, B, C, D;\nbrx.idx %r8, TABLE;\n"
        "A: mov.u32 %r9, 10;\nbra DONE;\nB: mov.u32 %r9, 20;\nbra DONE;\n"
        "C: mov.u32 %r9, 30;\nbra DONE;\nD: mov.u32 %r9, 40;\nDONE:\n";
    CHECK(results(body) == each(32, [](std::uint32_t i) { return 10 * (i % 4 + 1); }));
}

TEST_CASE("machine: lanes that exit are gone for the rest of the kernel", "[machine]") {
    KW_GOLDEN("exit");
    const std::string body =
        "mov.u32 %r9, 1;\nst.global.u32 [%rd3], %r9;\nsetp.lt.u32 %p1, %r0, 7;\n@%p1 exit;\n"
        "mov.u32 %r9, 2;\nactivemask.b32 %r10;\nadd.u32 %r9, %r10, 0;\n";
    CHECK(results(body) == each(32, [](std::uint32_t i) { return i < 7 ? 1u : 0xFFFFFF80u; }));
}

TEST_CASE("machine: a trap ends the launch as faulted", "[machine]") {
    KW_GOLDEN("trap");
    Device device(result_kernel("setp.eq.u32 %p1, %r0, 5;\n@%p1 trap;\nmov.u32 %r9, 1;\n"));
    const Argument in = device.input("in", noise(1));
    const Argument out = device.output<std::uint32_t>("out", 32);
    Launch launch;
    launch.kernel = "k";
    launch.block = {32, 1, 1};
    const Report report = device.launch(launch, {in, out});
    CHECK(report.ending == Ending::faulted);
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].kind == FindingKind::trap);
    CHECK(report.findings[0].lane == 5);
}

TEST_CASE("machine: hints and fences let a kernel go on", "[machine]") {
    KW_GOLDEN("brkpt");
    KW_GOLDEN("pmevent");
    KW_GOLDEN("nanosleep");
    KW_GOLDEN("griddepcontrol");
    KW_GOLDEN("setmaxnreg");
    KW_GOLDEN("membar");
    KW_GOLDEN("fence");
    CHECK(
        results("mov.u32 %r9, %r0;\nbrkpt;\npmevent 3;\nnanosleep.u32 100;\nnanosleep.u32 %r9;\n"
                "griddepcontrol.wait;\ngriddepcontrol.launch_dependents;\n"
                "setmaxnreg.dec.sync.aligned.u32 24;\nsetmaxnreg.inc.sync.aligned.u32 240;\n"
                "membar.cta;\nmembar.gl;\nmembar.sys;\nfence.sc.gpu;\nfence.acq_rel.cta;\n"
                "fence.acquire.gpu;\nfence.release.cluster;\n") ==
        each(32, [](std::uint32_t i) { return i; }));
}

TEST_CASE("machine: a barrier makes every thread's store visible to the block", "[machine]") {
    KW_GOLDEN("bar_sync");
    KW_GOLDEN("barrier_sync");
    const std::string shared = ".shared .align 4 .b32 tile[256];\n";
    for (const char* barrier :
         {"bar.sync 0;\n",
          "bar.cta.sync 3, 256;\n",
          "barrier.sync 1;\n",
          "barrier.cta.sync.aligned 15, 256;\n",
          "mov.u32 %r15, 4;\nbar.sync %r15;\n"}) {
        const std::string body =
            "mov.u32 %r10, tile;\nmad.lo.u32 %r11, %r0, 4, %r10;\nst.shared.u32 [%r11], %r0;\n" +
            std::string(barrier) +
            "sub.u32 %r12, 255, %r0;\nmad.lo.u32 %r11, %r12, 4, %r10;\nld.shared.u32 %r9, "
            "[%r11];\n";
        CHECK(results(body, 256, shared) == each(256, [](std::uint32_t i) { return 255 - i; }));
    }
}

TEST_CASE("machine: producers arrive and consumers wait at a named barrier", "[machine]") {
    KW_GOLDEN("bar_arrive");
    KW_GOLDEN("barrier_arrive");
    const std::string shared = ".shared .align 4 .b32 tile[32];\n";
    for (const char* arrive :
         {"bar.arrive 1, 64;\n",
          "barrier.cta.arrive 1, 64;\n",
          "barrier.arrive.aligned 1, 64;\n"}) {
        // Warp 1 writes and arrives; warp 0 waits and reads.
        const std::string body =
            "mov.u32 %r10, tile;\nand.b32 %r11, %r0, 31;\nmad.lo.u32 %r11, %r11, 4, %r10;\n"
            "mov.u32 %r9, 5;\nsetp.lt.u32 %p1, %r0, 32;\n@%p1 bra CONSUMER;\n"
            "st.shared.u32 [%r11], %r0;\n" +
            std::string(arrive) +
            "bra DONE;\n"
            "CONSUMER: bar.sync 1, 64;\nld.shared.u32 %r9, [%r11];\nDONE:\n";
        CHECK(results(body, 64, shared) == each(64, [](std::uint32_t i) {
                  return i < 32 ? i + 32 : 5;
              }));
    }
}

TEST_CASE("machine: a barrier reduces the predicates of the block", "[machine]") {
    KW_GOLDEN("bar_red_popc");
    KW_GOLDEN("bar_red_pred");
    KW_GOLDEN("barrier_red_popc");
    KW_GOLDEN("barrier_red_pred");
    for (const std::uint32_t limit : {0u, 1u, 77u, 96u}) {
        const std::string set = "setp.lt.u32 %p1, %r0, " + std::to_string(limit) + ";\n";
        const std::string get = "selp.u32 %r9, 1, 0, %p2;\n";
        const auto all = [](std::uint32_t value) {
            return Words(96, value);
        };
        CHECK(results(set + "bar.red.popc.u32 %r9, 0, %p1;\n", 96) == all(limit));
        CHECK(results(set + "bar.red.popc.u32 %r9, 2, 96, !%p1;\n", 96) == all(96 - limit));
        CHECK(results(set + "barrier.cta.red.popc.aligned.u32 %r9, 0, %p1;\n", 96) == all(limit));
        CHECK(results(set + "barrier.red.popc.u32 %r9, 0, 96, %p1;\n", 96) == all(limit));
        CHECK(results(set + "bar.red.and.pred %p2, 0, %p1;\n" + get, 96) == all(limit == 96));
        CHECK(results(set + "bar.cta.red.or.pred %p2, 0, 96, %p1;\n" + get, 96) == all(limit != 0));
        CHECK(results(set + "barrier.red.or.pred %p2, 1, !%p1;\n" + get, 96) == all(limit != 96));
        CHECK(
            results(set + "barrier.cta.red.and.aligned.pred %p2, 1, %p1;\n" + get, 96) ==
            all(limit == 96));
    }
}

TEST_CASE("machine: lanes meet at bar.warp.sync also from different places", "[machine]") {
    KW_GOLDEN("bar_warp_sync");
    const std::string shared = ".shared .align 4 .b32 tile[32];\n";
    const std::string body =
        "mov.u32 %r10, tile;\nmad.lo.u32 %r11, %r0, 4, %r10;\nsetp.lt.u32 %p1, %r0, 16;\n"
        "@%p1 bra LOW;\nst.shared.u32 [%r11], 200;\nbar.warp.sync -1;\nbra READ;\n"
        "LOW: st.shared.u32 [%r11], 100;\nbar.warp.sync 0xFFFFFFFF;\n"
        "READ: xor.b32 %r12, %r0, 16;\nmad.lo.u32 %r11, %r12, 4, %r10;\nld.shared.u32 %r9, "
        "[%r11];\n";
    CHECK(results(body, 32, shared) == each(32, [](std::uint32_t i) {
              return i < 16 ? 200u : 100u;
          }));
}

TEST_CASE(
    "machine: the blocks of a cluster meet and read each other's shared memory", "[machine]") {
    KW_GOLDEN("barrier_cluster_arrive");
    KW_GOLDEN("barrier_cluster_wait");
    KW_GOLDEN("mapa");
    KW_GOLDEN("getctarank");
    const std::string body =
        "mov.u32 %r1, %ctaid.x;\nmad.lo.u32 %r2, %r1, 32, %r0;\nmul.wide.u32 %rd4, %r2, 4;\n"
        "add.u64 %rd3, %rd1, %rd4;\nmov.u32 %r10, tile;\nmad.lo.u32 %r11, %r0, 4, %r10;\n"
        "st.shared.u32 [%r11], %r2;\nbarrier.cluster.arrive.release.aligned;\n"
        "barrier.cluster.wait.acquire.aligned;\nmov.u32 %r3, %cluster_ctarank;\n"
        "xor.b32 %r3, %r3, 1;\nmapa.shared::cluster.u32 %r12, %r11, %r3;\n"
        "ld.shared::cluster.u32 %r9, [%r12];\ncvt.u64.u32 %rd5, %r11;\n"
        "cvta.shared.u64 %rd5, %rd5;\nmapa.u64 %rd6, %rd5, %r3;\nld.u32 %r13, [%rd6];\n"
        "getctarank.u64 %r14, %rd6;\ngetctarank.shared::cluster.u32 %r15, %r11;\n"
        "setp.ne.u32 %p1, %r13, %r9;\n@%p1 trap;\nsetp.ne.u32 %p1, %r14, %r3;\n@%p1 trap;\n"
        "setp.eq.u32 %p1, %r15, %r3;\n@%p1 trap;\nbarrier.cluster.arrive;\nbarrier.cluster.wait;\n"
        "st.global.u32 [%rd3], %r9;\n";
    Device device(kernel(body, ".shared .align 4 .b32 tile[32];\n"));
    device.options.checks = Checks::all();
    const Argument in = device.input("in", noise(1));
    const Argument out = device.output<std::uint32_t>("out", 128);
    Launch launch;
    launch.kernel = "k";
    launch.grid = {4, 1, 1};
    launch.block = {32, 1, 1};
    launch.cluster = {2, 1, 1};
    const Report report = device.launch(launch, {in, out});
    INFO(device.text(report));
    REQUIRE(report.ending == Ending::completed);
    CHECK(report.findings.empty());
    CHECK(device.read<std::uint32_t>("out") == each(128, [](std::uint32_t i) {
              return (i / 32 ^ 1) * 32 + i % 32;
          }));
}

}  // namespace kw::emu::test
