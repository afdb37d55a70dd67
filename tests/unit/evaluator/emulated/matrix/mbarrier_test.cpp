// SPDX-License-Identifier: Apache-2.0
// mbarrier objects against a model of them that counts, and bulk copies that complete on them.
#include "tests/unit/evaluator/emulated/machine/device.hpp"
#include "tests/unit/evaluator/emulated/matrix/matrices.hpp"

using namespace kw::emu;
using namespace kw::emu::test;

namespace {

const std::string k_shared = ".shared .align 8 .b64 bar;\n.shared .align 128 .b8 tile[1024];\n";

Launch launch_of(std::uint32_t threads) {
    Launch launch;
    launch.kernel = "k";
    launch.block = {threads, 1, 1};
    return launch;
}

/// Runs the body with one thread; what it stored to %rd1.
std::vector<std::uint32_t> run_one(const std::string& body, std::size_t words) {
    Device device(kernel("mov.u32 %r1, bar;\n" + body, k_shared));
    device.options.checks = Checks::all();
    const Report report = device.launch(
        launch_of(1), {value(std::uint64_t{0}), device.output<std::uint32_t>("out", words)});
    INFO(body);
    INFO(device.text(report));
    REQUIRE(report.ending == Ending::completed);
    CHECK(report.findings.empty());
    return device.read<std::uint32_t>("out");
}

FindingKind only_finding(const std::string& body) {
    Device device(kernel("mov.u32 %r1, bar;\n" + body, k_shared));
    const Report report =
        device.launch(launch_of(1), {value(std::uint64_t{0}), value(std::uint64_t{0})});
    INFO(device.text(report));
    REQUIRE(report.findings.size() == 1);
    return report.findings[0].kind;
}

/// What PTX says of an object, counted.
struct Model {
    int expected, missing;
    long bytes = 0;
    int phase = 0;
    void settle() {
        if (missing == 0 && bytes == 0) {
            ++phase;
            missing = expected;
        }
    }
};

}  // namespace

TEST_CASE("mbarrier: any course of arrivals and transactions ends phases as a model counts them") {
    KW_GOLDEN("mbarrier_init");
    KW_GOLDEN("mbarrier_arrive");
    KW_GOLDEN("mbarrier_tx");
    KW_GOLDEN("mbarrier_wait");
    KW_GOLDEN("mbarrier_pending");
    Random random{9};
    for (int round = 0; round < 20; ++round) {
        const int count = 2 + random.below(4);
        Model model{count, count};
        std::string body = "mbarrier.init.shared::cta.b64 [%r1], " + std::to_string(count) +
                           ";\nmbarrier.arrive.shared::cta.b64 %rd2, [%r1];\n";
        std::vector<std::uint32_t> wanted;
        int token_phase = model.phase;
        const auto store = [&](const std::string& reg, std::uint32_t expected) {
            body +=
                "st.global.u32 [%rd1+" + std::to_string(4 * wanted.size()) + "], " + reg + ";\n";
            wanted.push_back(expected);
        };
        model.missing -= 1;
        model.settle();
        for (int step = 0; step < 40; ++step) {
            switch (random.below(6)) {
                case 0: {
                    const int n = 1 + random.below(model.missing);
                    body += "mbarrier.arrive.release.cta.shared.b64 %rd3, [%r1], " +
                            std::to_string(n) + ";\nmbarrier.pending_count.b64 %r2, %rd3;\n";
                    store("%r2", static_cast<std::uint32_t>(model.missing));
                    model.missing -= n;
                    break;
                }
                case 1: {
                    const int n = 16 * random.below(5);
                    body += "mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%r1], " +
                            std::to_string(n) + ";\n";
                    model.bytes += n;
                    break;
                }
                case 2: {
                    const long n = model.bytes;
                    body +=
                        "mbarrier.complete_tx.shared::cta.b64 [%r1], " + std::to_string(n) + ";\n";
                    model.bytes = 0;
                    break;
                }
                case 3:
                    body += "mbarrier.arrive.expect_tx.shared::cta.b64 %rd2, [%r1], 32;\n";
                    token_phase = model.phase;
                    model.bytes += 32;
                    model.missing -= 1;
                    break;
                case 4:
                    if (model.expected > 2) {
                        body += "mbarrier.arrive_drop.shared.b64 _, [%r1];\n";
                        --model.expected;
                        --model.missing;
                    }
                    break;
                default: break;
            }
            model.settle();
            for (const int parity : {0, 1}) {
                body += "mbarrier.test_wait.parity.shared::cta.b64 %p1, [%r1], " +
                        std::to_string(parity) + ";\nselp.u32 %r2, 1, 0, %p1;\n";
                store("%r2", model.phase % 2 != parity ? 1 : 0);
            }
            if (model.phase - token_phase < 2) {
                body +=
                    "mbarrier.try_wait.acquire.cta.shared::cta.b64 %p1, [%r1], %rd2, 100;\n"
                    "selp.u32 %r2, 1, 0, %p1;\n";
                store("%r2", model.phase != token_phase ? 1 : 0);
            }
            if (model.missing == 0) {  // only bytes are missing: nobody may arrive
                body += "mbarrier.complete_tx.shared::cta.b64 [%r1], " +
                        std::to_string(model.bytes) + ";\n";
                model.bytes = 0;
                model.settle();
            }
        }
        CHECK(run_one(body, wanted.size()) == wanted);
    }
}

TEST_CASE("mbarrier: wrong uses are found") {
    KW_GOLDEN("mbarrier_inval");
    const std::string init = "mbarrier.init.shared::cta.b64 [%r1], 2;\n";
    const std::string arrive = "mbarrier.arrive.shared::cta.b64 %rd2, [%r1], 3;\n";
    CHECK(
        only_finding("mbarrier.init.shared::cta.b64 [%r1], 0;\n") == FindingKind::invalid_barrier);
    CHECK(
        only_finding("mbarrier.arrive.shared::cta.b64 %rd2, [%r1];\n") ==
        FindingKind::invalid_barrier);
    CHECK(only_finding(init + arrive) == FindingKind::invalid_barrier);
    CHECK(
        only_finding(init + "mbarrier.inval.shared.b64 [%r1];\n" + arrive) ==
        FindingKind::invalid_barrier);
    CHECK(
        only_finding(init + "mbarrier.test_wait.parity.shared.b64 %p1, [%r1+4], 0;\n") ==
        FindingKind::misaligned);
    CHECK(
        only_finding(init + "mbarrier.expect_tx.shared.b64 [%r1], 1048576;\n") ==
        FindingKind::invalid_barrier);
}

TEST_CASE("mbarrier: threads that wait go on when all have arrived") {
    const std::string body =
        "mov.u32 %r1, bar;\nsetp.eq.u32 %p0, %r0, 0;\n"
        "@%p0 mbarrier.init.shared::cta.b64 [%r1], 128;\nbar.sync 0;\n"
        "mov.u32 %r2, tile;\nshl.b32 %r3, %r0, 2;\nadd.u32 %r4, %r2, %r3;\n"
        "st.shared.u32 [%r4], %r0;\n"
        "mbarrier.arrive.shared::cta.b64 %rd2, [%r1];\n"
        "L:\nmbarrier.try_wait.shared::cta.b64 %p1, [%r1], %rd2;\n@!%p1 bra L;\n"
        "xor.b32 %r5, %r3, 508;\nadd.u32 %r5, %r2, %r5;\nld.shared.u32 %r6, [%r5];\n"
        "cvt.u64.u32 %rd3, %r3;\nadd.u64 %rd3, %rd1, %rd3;\nst.global.u32 [%rd3], %r6;\n";
    for (const bool waits : {true, false}) {
        std::string text = body;
        if (!waits) {
            text.replace(text.find("@!%p1 bra L;"), 12, "");
        }
        Device device(kernel(text, k_shared));
        device.options.checks = Checks::all();
        const Report report = device.launch(
            launch_of(128), {value(std::uint64_t{0}), device.output<std::uint32_t>("out", 128)});
        INFO(device.text(report));
        REQUIRE(report.ending == Ending::completed);
        CHECK(report.findings.empty() == waits);
        const std::vector<std::uint32_t> out = device.read<std::uint32_t>("out");
        for (std::uint32_t i = 0; waits && i < 128; ++i) {
            CHECK(out[i] == 127 - i);
        }
    }
}

TEST_CASE("mbarrier: arriving on behalf of cp.async lands the copies") {
    KW_GOLDEN("cp_async_mbarrier");
    for (const bool counted : {true, false}) {
        const std::string body =
            "mov.u32 %r1, bar;\nmov.u32 %r2, tile;\n"
            "mbarrier.init.shared::cta.b64 [%r1], " +
            std::string(counted ? "1" : "2") +
            ";\ncp.async.ca.shared.global [%r2], [%rd0], 16;\n"
            "cp.async.mbarrier.arrive" +
            (counted ? "" : ".noinc") +
            ".shared.b64 [%r1];\nmbarrier.arrive.shared.b64 _, [%r1];\n"
            "mbarrier.test_wait.parity.shared.b64 %p1, [%r1], 0;\nselp.u32 %r3, 1, 0, %p1;\n"
            "st.global.u32 [%rd1], %r3;\nld.shared.u32 %r4, [%r2+12];\n"
            "st.global.u32 [%rd1+4], %r4;\n";
        Device device(kernel(body, k_shared));
        device.options.checks = Checks::all();
        const Report report = device.launch(
            launch_of(1),
            {device.input("in", std::vector<std::uint32_t>{1, 2, 3, 4}),
             device.output<std::uint32_t>("out", 2)});
        INFO(device.text(report));
        CHECK(report.findings.empty());
        CHECK(device.read<std::uint32_t>("out") == std::vector<std::uint32_t>{1, 4});
    }
}

TEST_CASE("bulk copies: a kernel that nvcc made doubles its input") {
    KW_GOLDEN("cp_bulk_to_shared");
    KW_GOLDEN("cp_bulk_to_global");
    KW_GOLDEN("cp_bulk_commit");
    KW_GOLDEN("cp_bulk_wait");
    KW_GOLDEN("fence_proxy");
    KW_GOLDEN("fence_mbarrier_init");
    Device device(fixture("hopper_bulk.ptx"));
    device.options.checks = Checks::all();
    std::vector<float> x(512);
    for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = static_cast<float>(i) - 100.0F;
    }
    Launch launch;
    launch.kernel = "bulk_double";
    launch.block = {256, 1, 1};
    launch.grid = {2, 1, 1};
    const Report report =
        device.launch(launch, {device.input("x", x), device.output<float>("y", x.size())});
    INFO(device.text(report));
    REQUIRE(report.ending == Ending::completed);
    CHECK(report.findings.empty());
    const std::vector<float> y = device.read<float>("y");
    for (std::size_t i = 0; i < x.size(); ++i) {
        CHECK(y[i] == 2 * x[i]);
    }
}

TEST_CASE("bulk copies: data is there after the wait and not before") {
    KW_GOLDEN("cp_bulk_prefetch");
    const std::string copy =
        "mov.u32 %r1, bar;\nmov.u32 %r2, tile;\nmbarrier.init.shared::cta.b64 [%r1], 1;\n"
        "cp.async.bulk.prefetch.L2.global [%rd0], 1024;\n"
        "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r1], 1024;\n"
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r2], [%rd0], 1024, "
        "[%r1];\n";
    const std::string wait =
        "L:\nmbarrier.try_wait.parity.shared::cta.b64 %p1, [%r1], 0;\n@!%p1 bra L;\n";
    const std::string use = "ld.shared.u32 %r4, [%r2+1020];\nst.global.u32 [%rd1], %r4;\n";
    std::vector<std::uint32_t> in(256);
    for (std::size_t i = 0; i < in.size(); ++i) {
        in[i] = static_cast<std::uint32_t>(7 * i + 1);
    }
    for (const bool waits : {true, false}) {
        Device device(kernel(copy + (waits ? wait : "bar.sync 0;\n") + use, k_shared));
        device.options.checks = Checks::all();
        const Report report = device.launch(
            launch_of(1), {device.input("in", in), device.output<std::uint32_t>("out", 1)});
        INFO(device.text(report));
        REQUIRE(report.ending == Ending::completed);
        if (waits) {
            CHECK(report.findings.empty());
            CHECK(device.read<std::uint32_t>("out")[0] == in[255]);
        } else {
            REQUIRE(report.findings.size() == 1);
            CHECK(report.findings[0].kind == FindingKind::async_copy_not_waited);
        }
    }
}

TEST_CASE("bulk copies: a wait for the phase before does not make data arrive") {
    const std::string body =
        "mov.u32 %r1, bar;\nmov.u32 %r2, tile;\nmbarrier.init.shared::cta.b64 [%r1], 2;\n"
        "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r1], 16;\n"
        "cp.async.bulk.shared::cta.global.mbarrier::complete_tx::bytes [%r2], [%rd0], 16, [%r1];\n"
        "mbarrier.try_wait.parity.shared::cta.b64 %p1, [%r1], 1;\nselp.u32 %r3, 1, 0, %p1;\n"
        "st.global.u32 [%rd1], %r3;\nld.shared.u32 %r4, [%r2];\n";
    Device device(kernel(body, k_shared));
    device.options.checks = Checks::all();
    const Report report = device.launch(
        launch_of(1),
        {device.input("in", std::vector<std::uint32_t>{1, 2, 3, 4}),
         device.output<std::uint32_t>("out", 1)});
    INFO(device.text(report));
    CHECK(device.read<std::uint32_t>("out")[0] == 1);
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].kind == FindingKind::async_copy_not_waited);
}

TEST_CASE("bulk copies: wrong sizes and places are found") {
    const auto finding = [](const std::string& operands) {
        const std::string body =
            "mov.u32 %r1, bar;\nmov.u32 %r2, tile;\nmbarrier.init.shared::cta.b64 [%r1], 1;\n"
            "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes " +
            operands + ", [%r1];\n";
        Device device(kernel(body, k_shared));
        const Report report = device.launch(
            launch_of(1),
            {device.input("in", std::vector<std::uint32_t>(64)), value(std::uint64_t{0})});
        INFO(device.text(report));
        REQUIRE(report.findings.size() == 1);
        return report.findings[0].kind;
    };
    CHECK(finding("[%r2], [%rd0], 24") == FindingKind::bad_address);
    CHECK(finding("[%r2], [%rd0], 2097152") == FindingKind::bad_address);
    CHECK(finding("[%r2+8], [%rd0], 16") == FindingKind::misaligned);
    CHECK(finding("[%r2], [%rd0+8], 16") == FindingKind::misaligned);
    CHECK(finding("[%r2], [%rd0+128], 256") == FindingKind::out_of_bounds);
    CHECK(finding("[%r2+1024], [%rd0], 256") == FindingKind::out_of_bounds);
}

TEST_CASE("bulk copies: a multicast and a copy between blocks reach the cluster's mbarriers") {
    const std::string begin =
        "mov.u32 %r1, bar;\nmov.u32 %r2, tile;\nmov.u32 %r5, %cluster_ctarank;\n"
        "mbarrier.init.shared::cta.b64 [%r1], 1;\nfence.mbarrier_init.release.cluster;\n"
        "barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;\n"
        "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%r1], 64;\nsetp.eq.u32 %p2, %r5, 0;\n";
    const std::string end =
        "L:\nmbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 %p1, [%r1], 0;\n"
        "@!%p1 bra L;\nld.shared.u32 %r4, [%r2+60];\nmul.wide.u32 %rd3, %r5, 4;\n"
        "add.u64 %rd3, %rd1, %rd3;\nst.global.u32 [%rd3], %r4;\n"
        "barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;\n";
    // Block 0 to both; and each block to the other, out of what it has loaded itself.
    const std::string multicast =
        "mov.b16 %h1, 3;\n@%p2 cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes"
        ".multicast::cluster [%r2], [%rd0], 64, [%r1], %h1;\n";
    const std::string exchange =
        "xor.b32 %r6, %r5, 1;\nmapa.shared::cluster.u32 %r7, %r2, %r6;\n"
        "mapa.shared::cluster.u32 %r8, %r1, %r6;\nld.global.u32 %r9, [%rd0+60];\n"
        "add.u32 %r9, %r9, %r5;\nmov.u32 %r10, 512;\n"
        "F:\nadd.u32 %r11, %r2, %r10;\nst.shared.u32 [%r11], %r9;\nadd.u32 %r10, %r10, 4;\n"
        "setp.lt.u32 %p3, %r10, 576;\n@%p3 bra F;\nfence.proxy.async.shared::cta;\n"
        "add.u32 %r11, %r2, 512;\n"
        "cp.async.bulk.shared::cluster.shared::cta.mbarrier::complete_tx::bytes [%r7], [%r11], 64, "
        "[%r8];\n";
    std::vector<std::uint32_t> in(16);
    in[15] = 70;
    const std::vector<std::pair<std::string, std::vector<std::uint32_t>>> ways = {
        {multicast, {70, 70}}, {exchange, {71, 70}}};
    for (const auto& [copy, wanted] : ways) {
        Device device(kernel(begin + copy + end, k_shared));
        device.options.checks = Checks::all();
        Launch launch = launch_of(1);
        launch.grid[0] = 2;
        launch.cluster[0] = 2;
        const Report report =
            device.launch(launch, {device.input("in", in), device.output<std::uint32_t>("out", 2)});
        INFO(device.text(report));
        REQUIRE(report.ending == Ending::completed);
        CHECK(report.findings.empty());
        CHECK(device.read<std::uint32_t>("out") == wanted);
    }
}
