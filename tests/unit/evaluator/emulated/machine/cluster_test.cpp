// SPDX-License-Identifier: Apache-2.0
// Blocks of a cluster on each other's shared memory: right results, and races between blocks found
// by what orders them, in every order of the warps.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

#include <algorithm>
#include <sstream>

namespace kw::emu::test {
namespace {

using Words = std::vector<std::uint32_t>;

Launch pair_of_blocks(const std::string& kernel) {
    Launch launch;
    launch.kernel = kernel;
    launch.grid[0] = 4;
    launch.cluster[0] = 2;
    launch.block[0] = 64;
    return launch;
}

/// The line with BUG behind the kernel of that name.
int bug_line(const std::string& kernel) {
    std::istringstream lines(fixture("cluster_memory.cu"));
    std::string line;
    bool inside = false;
    for (int number = 1; std::getline(lines, line); ++number) {
        inside = inside || line.find(" " + kernel + "(") != std::string::npos;
        if (inside && line.find("// BUG") != std::string::npos) {
            return number;
        }
    }
    return 0;
}

}  // namespace

TEST_CASE("clusters: atomics reach the bins of every block", "[machine][cluster]") {
    const Words x = noise(4 * 64);
    Words bins(4 * 8);
    for (std::size_t i = 0; i < x.size(); ++i) {
        const std::size_t bin = x[i] % 16;
        ++bins[(i / 128 * 2 + bin % 2) * 8 + bin / 2];
    }
    for (const std::uint64_t seed : {0, 5}) {
        Device device(fixture("cluster_memory.ptx"));
        device.options.checks = Checks::all();
        device.options.seed = seed;
        const Report report = device.launch(
            pair_of_blocks("cluster_histogram"),
            {device.input("x", x), device.output<std::uint32_t>("y", bins.size())});
        INFO(device.text(report));
        CHECK(report.ending == Ending::completed);
        CHECK(report.findings.empty());
        CHECK(device.read<std::uint32_t>("y") == bins);
    }
}

TEST_CASE(
    "clusters: what lacks an order between blocks is a race at its line, its twin is clean",
    "[machine][cluster]") {
    const Words x = noise(4 * 64);
    for (const std::string name : {"push", "pull", "leave", "signal"}) {
        for (const std::uint64_t seed : {0, 3}) {
            for (const bool bug : {true, false}) {
                const std::string kernel = name + (bug ? "_bug" : "_fixed");
                Device device(fixture("cluster_memory.ptx"));
                device.options.checks = Checks::all();
                device.options.seed = seed;
                const Report report = device.launch(
                    pair_of_blocks(kernel),
                    {device.input("x", x), device.output<std::uint32_t>("y", x.size())});
                INFO(kernel << "\n" << device.text(report));
                CHECK(report.ending == Ending::completed);
                if (!bug) {
                    CHECK(report.findings.empty());
                    const Words y = device.read<std::uint32_t>("y");
                    for (std::size_t i = 0; i < x.size(); ++i) {
                        REQUIRE(y[i] == x[i ^ 64]);
                    }
                    continue;
                }
                const int line = bug_line(kernel);
                REQUIRE(line != 0);
                CHECK(std::any_of(
                    report.findings.begin(), report.findings.end(), [line](const Finding& f) {
                        const auto at = [line](const Location& place) {
                            return place.line == line || place.root_line == line;
                        };
                        return f.kind == FindingKind::shared_race && (at(f.at) || at(f.other));
                    }));
                for (const Finding& finding : report.findings) {
                    CHECK(
                        (finding.kind == FindingKind::shared_race ||
                         finding.kind == FindingKind::uninitialised_read));
                }
            }
        }
    }
}

TEST_CASE("clusters: races are told alike when steps are counted anew", "[machine][cluster]") {
    const std::string meet = "barrier.cluster.arrive;\nbarrier.cluster.wait;\n";
    // Both blocks write a word and read the other's, round after round.
    const auto rounds = [&](const std::string& between, const std::string& after) {
        return "mov.u32 %r1, tile;\nmov.u32 %r9, %cluster_ctarank;\nxor.b32 %r8, %r9, 1;\n"
               "mapa.shared::cluster.u32 %r2, %r1, %r8;\nmov.u32 %r7, 0;\n"
               "L: st.shared.u32 [%r1], %r7;\nst.shared.u32 [%r1+4], %r7;\n" +
               meet + "ld.shared::cluster.u32 %r4, [%r2];\n" + between +
               "add.u32 %r7, %r7, 1;\nsetp.lt.u32 %p1, %r7, 40;\n@%p1 bra L;\n" + after + meet;
    };
    struct Scene {
        std::string body;
        bool race;
    };
    for (const Scene& scene :
         {Scene{rounds(meet, ""), false},
          Scene{rounds("", ""), true},
          Scene{rounds(meet, "ld.shared::cluster.u32 %r5, [%r2+4];\n"), false},
          Scene{
              rounds(meet, "st.shared::cluster.u32 [%r2+4], %r7;\nld.shared.u32 %r5, [%r1+4];\n"),
              true}}) {
        for (const std::uint64_t most : {40, 41, 47, 200, 1 << 20}) {
            Device device(kernel(scene.body, ".shared .align 4 .b8 tile[128];\n"));
            device.options.checks = Checks::all();
            device.options.most_segments = most;
            Launch launch;
            launch.kernel = "k";
            launch.grid[0] = 2;
            launch.cluster[0] = 2;
            const Report report =
                device.launch(launch, {value(std::uint64_t{0}), value(std::uint64_t{0})});
            INFO(most << "\n" << scene.body << device.text(report));
            CHECK(report.ending == Ending::completed);
            CHECK(report.findings.empty() != scene.race);
        }
    }
}

TEST_CASE("clusters: an address in a block that is not there is found", "[machine][cluster]") {
    const std::string body =
        "mov.u32 %r1, tile;\nmapa.shared::cluster.u32 %r2, %r1, 7;\n"
        "st.shared::cluster.u32 [%r2], %r0;\n";
    Device device(kernel(body, ".shared .align 4 .b8 tile[128];\n"));
    Launch launch;
    launch.kernel = "k";
    launch.grid[0] = 2;
    launch.cluster[0] = 2;
    const Report report = device.launch(launch, {value(std::uint64_t{0}), value(std::uint64_t{0})});
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].kind == FindingKind::out_of_bounds);
}

}  // namespace kw::emu::test
