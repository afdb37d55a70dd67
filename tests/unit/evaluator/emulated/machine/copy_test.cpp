// SPDX-License-Identifier: Apache-2.0
// Golden tests of address conversion, hints, cp.async, ldmatrix and stmatrix.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/golden.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

namespace kw::emu::test {
namespace {

using Words = std::vector<std::uint32_t>;
const std::string k_tile = ".shared .align 16 .b8 tile[2048];\n";

/// %rd2, %rd3: this thread's 16 bytes of `in` and `out`; %r1 those of the tile.
const std::string k_places =
    "mul.wide.u32 %rd4, %r0, 16;\nadd.u64 %rd2, %rd0, %rd4;\nadd.u64 %rd3, %rd1, %rd4;\n"
    "mov.u32 %r1, tile;\nmad.lo.u32 %r1, %r0, 16, %r1;\n";
const std::string k_out =
    "ld.shared.v4.u32 {%r8,%r9,%r10,%r11}, [%r1];\nst.global.v4.u32 [%rd3], "
    "{%r8,%r9,%r10,%r11};\n";

}  // namespace

TEST_CASE("machine: cvta and isspacep know the windows of every space", "[machine]") {
    KW_GOLDEN("cvta");
    KW_GOLDEN("cvta_to");
    KW_GOLDEN("isspacep");
    // out[0]: value through a generic pointer and back; out[1]: bits of isspacep, space by space.
    const std::string spaces[] = {"global", "shared", "local", "const", "param"};
    std::string body = ".local .align 4 .b8 depot[8];\nmov.u32 %r9, 0;\n";
    const std::string variables[] = {"there", "tile", "depot", "fixed", "k_in"};
    for (std::size_t i = 0; i < 5; ++i) {
        body += "mov.u64 %rd4, " + variables[i] + ";\ncvta." + spaces[i] +
                ".u64 %rd5, %rd4;\n"
                "cvta.to." +
                spaces[i] +
                ".u64 %rd6, %rd5;\nsetp.ne.u64 %p1, %rd4, %rd6;\n"
                "@%p1 trap;\n";
        for (std::size_t j = 0; j < 5; ++j) {
            body += "isspacep." + spaces[j] + " %p2, %rd5;\n@%p2 add.u32 %r9, %r9, " +
                    std::to_string(1u << (5 * i + j)) + ";\n";
        }
    }
    body += "mul.wide.u32 %rd4, %r0, 4;\nadd.u64 %rd3, %rd1, %rd4;\nst.global.u32 [%rd3], %r9;\n";
    const std::uint32_t diagonal = 1 | 1 << 6 | 1 << 12 | 1 << 18 | 1 << 24;
    CHECK(
        run_values<std::uint32_t>(
            kernel(body, k_tile + ".global .b32 there;\n.const .b32 fixed = 3;\n"), noise(1), 32) ==
        Words(32, diagonal));
}

TEST_CASE("machine: cache hints have no effect", "[machine]") {
    KW_GOLDEN("prefetch");
    KW_GOLDEN("discard");
    KW_GOLDEN("createpolicy");
    const std::string body =
        k_places +
        "prefetch.global.L2 [%rd2];\nprefetch.L1 [%rd2+64];\nprefetchu.L1 [%rd2];\n"
        "prefetch.global.L2::evict_last [%rd2];\napplypriority.global.L2::evict_normal [%rd2], "
        "128;\ncreatepolicy.fractional.L2::evict_last.b64 %rd5;\n"
        "createpolicy.fractional.L2::evict_first.L2::evict_unchanged.b64 %rd5, 0f3F000000;\n"
        "ld.global.L2::cache_hint.v4.u32 {%r8,%r9,%r10,%r11}, [%rd2], %rd5;\n"
        "st.global.v4.u32 [%rd3], {%r8,%r9,%r10,%r11};\ndiscard.global.L2 [%rd0], 128;\n";
    const Words in = noise(128);
    CHECK(run_values<std::uint32_t>(kernel(body, k_tile), in, 128) == in);
}

TEST_CASE("machine: cp.async lands when its group has been waited for", "[machine]") {
    KW_GOLDEN("cp_async");
    KW_GOLDEN("cp_async_commit");
    KW_GOLDEN("cp_async_wait_group");
    KW_GOLDEN("cp_async_wait_all");
    const Words in = noise(256);
    Words first(in.begin(), in.begin() + 128);
    for (const char* form :
         {"cp.async.cg.shared.global",
          "cp.async.ca.shared.global.L2::128B",
          "cp.async.ca.shared::cta.global"}) {
        CHECK(
            run_values<std::uint32_t>(
                kernel(
                    k_places + form + " [%r1], [%rd2], 16;\ncp.async.commit_group;\n" +
                        "cp.async.wait_group 0;\n" + k_out,
                    k_tile),
                in,
                128) == first);
    }
    // Two groups: waiting for all but one gives the first and not the second.
    const std::string two =
        k_places +
        "add.u64 %rd5, %rd2, 512;\nst.shared.v4.u32 [%r1+512], {1, 2, 3, 4};\n"
        "cp.async.ca.shared.global [%r1], [%rd2+0], 8;\ncp.async.ca.shared.global [%r1+8], "
        "[%rd2+8], 4, 4;\ncp.async.ca.shared.global [%r1+12], [%rd2+12], 4;\n"
        "cp.async.commit_group;\ncp.async.cg.shared.global [%r1+512], [%rd5], 16;\n"
        "cp.async.commit_group;\ncp.async.wait_group 1;\n" +
        k_out;
    CHECK(run_values<std::uint32_t>(kernel(two, k_tile), in, 128) == first);
    Words second(in.begin() + 128, in.end());
    CHECK(
        run_values<std::uint32_t>(
            kernel(two + "cp.async.wait_all;\nadd.u32 %r1, %r1, 512;\n" + k_out, k_tile),
            in,
            128) == second);
    // A source size below the copy's fills with zeros; of 0 it reads nothing at all.
    Words cut = first;
    for (std::size_t i = 0; i < 128; ++i) {
        const std::size_t lane = i / 4;
        const std::size_t keep = lane % 2 == 0 ? 8 : 0;
        cut[i] = i % 4 * 4 < keep ? cut[i] : 0;
    }
    CHECK(
        run_values<std::uint32_t>(
            kernel(
                k_places +
                    "and.b32 %r2, %r0, 1;\nsetp.eq.u32 %p1, %r2, 0;\nselp.u32 %r3, 8, 0, "
                    "%p1;\n@!%p1 mov.u64 %rd2, 0;\ncp.async.cg.shared.global [%r1], [%rd2], "
                    "16, %r3;\ncp.async.wait_all;\n" +
                    k_out,
                k_tile),
            in,
            128) == cut);
}

TEST_CASE(
    "machine: a block that does not wait for its copy reads what was there before", "[machine]") {
    Device device(kernel(
        k_places +
            "st.shared.v4.u32 [%r1], {1, 2, 3, 4};\ncp.async.cg.shared.global [%r1], "
            "[%rd2], 16;\ncp.async.commit_group;\n" +
            k_out,
        k_tile));
    device.options.checks = Checks::all();
    const Argument in = device.input("in", noise(128));
    const Argument out = device.output<std::uint32_t>("out", 128);
    Launch launch;
    launch.kernel = "k";
    launch.block = {32, 1, 1};
    const Report report = device.launch(launch, {in, out});
    INFO(device.text(report));
    REQUIRE(report.findings.size() == 1);
    CHECK(report.findings[0].kind == FindingKind::async_copy_not_waited);
    CHECK(device.read<std::uint32_t>("out")[2] == 3);
}

TEST_CASE("machine: ldmatrix gives lanes the rows and columns of the ISA", "[machine]") {
    KW_GOLDEN("ldmatrix");
    KW_GOLDEN("stmatrix");
    // The tile holds 32 rows of 8 halves: four matrices one below the other.
    Words in(128);
    for (std::size_t i = 0; i < 128; ++i) {
        in[i] = static_cast<std::uint32_t>(2 * i | (2 * i + 1) << 16);
    }
    const std::string fill = k_places +
                             "ld.global.v4.u32 {%r8,%r9,%r10,%r11}, [%rd2];\nst.shared.v4.u32 "
                             "[%r1], {%r8,%r9,%r10,%r11};\nbar.sync 0;\n";
    for (const int count : {1, 2, 4}) {
        for (const bool transposed : {false, true}) {
            std::string regs = "%r8";
            for (int m = 1; m < count; ++m) {
                regs += ", %r" + std::to_string(8 + m);
            }
            const std::string form = ".sync.aligned.m8n8.x" + std::to_string(count) +
                                     (transposed ? ".trans" : "") + ".shared.b16 ";
            std::string store;
            for (int m = 0; m < count; ++m) {
                store += "st.global.u32 [%rd3+" + std::to_string(4 * m) + "], %r" +
                         std::to_string(8 + m) + ";\n";
            }
            for (int m = count; m < 4; ++m) {
                store += "st.global.u32 [%rd3+" + std::to_string(4 * m) + "], 0;\n";
            }
            const auto out = run_values<std::uint32_t>(
                kernel(fill + "ldmatrix" + form + "{" + regs + "}, [%r1];\n" + store, k_tile),
                in,
                128);
            for (std::size_t lane = 0; lane < 32; ++lane) {
                for (std::size_t m = 0; m < static_cast<std::size_t>(count); ++m) {
                    const std::size_t row = lane / 4;
                    const std::size_t column = lane % 4 * 2;
                    const auto at = [&](std::size_t r, std::size_t c) {
                        return static_cast<std::uint32_t>(
                            transposed ? 64 * m + 8 * c + r : 64 * m + 8 * r + c);
                    };
                    REQUIRE(out[4 * lane + m] == (at(row, column) | at(row, column + 1) << 16));
                }
            }
            // stmatrix undoes it.
            const auto back = run_values<std::uint32_t>(
                kernel(
                    fill + "ldmatrix" + form + "{" + regs + "}, [%r1];\nbar.sync 0;\nstmatrix" +
                        form + "[%r1], {" + regs + "};\nbar.sync 0;\n" + k_out,
                    k_tile),
                in,
                128);
            REQUIRE(back == in);
        }
    }
}

TEST_CASE("machine: movmatrix transposes the matrix of a warp", "[machine][copies]") {
    KW_GOLDEN("movmatrix");
    const std::vector<std::uint32_t> x = noise(32);
    const auto element =
        [](const std::vector<std::uint32_t>& of, std::size_t row, std::size_t column) {
            return of[4 * row + column / 2] >> (16 * (column % 2)) & 0xFFFF;
        };
    Device device(fixture("matrix_moves.ptx"));
    device.options.checks = Checks::all();
    Launch launch;
    launch.kernel = "transpose_movmatrix";
    launch.block[0] = 32;
    const Report report =
        device.launch(launch, {device.input("x", x), device.output<std::uint32_t>("y", 32)});
    INFO(device.text(report));
    REQUIRE(report.ending == Ending::completed);
    CHECK(report.findings.empty());
    const auto y = device.read<std::uint32_t>("y");
    for (std::size_t row = 0; row < 8; ++row) {
        for (std::size_t column = 0; column < 8; ++column) {
            CHECK(element(y, row, column) == element(x, column, row));
        }
    }
}

}  // namespace kw::emu::test
