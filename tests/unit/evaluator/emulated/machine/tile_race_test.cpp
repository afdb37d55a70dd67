// SPDX-License-Identifier: Apache-2.0
// Races between lanes of one warp that are parted into tiles: several lanes read one place, some of
// them meet, and one of these writes it. The race is with the lanes that did not meet the writer.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

#include <algorithm>

namespace kw::emu::test {
namespace {

/// `body` on one warp; shared `tile` is written before, and %r2 is its address.
std::string race_of(const std::string& body, bool lane_by_lane, const Checks& checks) {
    Device device(kernel(
        "mov.u32 %r2, tile;\nshl.b32 %r3, %r0, 2;\nadd.u32 %r3, %r2, %r3;\n"
        "st.shared.u32 [%r3], %r0;\nst.shared.u32 [%r3+128], %r0;\nbar.warp.sync -1;\n" +
            body +
            "mul.wide.u32 %rd2, %r0, 4;\nadd.u64 %rd2, %rd1, %rd2;\nst.global.u32 [%rd2], %r4;\n",
        ".shared .align 4 .b8 tile[256];\n"));
    device.options.checks = checks;
    device.options.lane_by_lane = lane_by_lane;
    Launch launch;
    launch.kernel = "k";
    launch.block[0] = 32;
    const Report report = device.launch(
        launch,
        {device.input("in", noise(4)), device.in_out("out", std::vector<std::uint32_t>(32))});
    REQUIRE(report.ending == Ending::completed);
    for (const Finding& finding : report.findings) {
        REQUIRE(finding.kind == FindingKind::shared_race);
    }
    return report.findings.empty() ? "" : device.text(report);
}

struct Scene {
    const char* what;
    std::string body;
    bool race;
};

/// Lanes below `end` execute the text.
std::string below(int end, const std::string& text) {
    const std::string label = "L" + std::to_string(end) + "_" + std::to_string(text.size());
    return "setp.ge.u32 %p1, %r0, " + std::to_string(end) + ";\n@%p1 bra " + label + ";\n" + text +
           label + ":\n";
}

const std::string k_read_all = "ld.shared.u32 %r4, [%r2];\n";
const std::string k_meet_low = below(16, "bar.warp.sync 0xFFFF;\n");
const std::string k_write = below(1, "st.shared.u32 [%r2], 99;\n");
/// Every lane reads the first word of its own half, in one instruction.
const std::string k_read_halves =
    "and.b32 %r5, %r0, 16;\nshl.b32 %r5, %r5, 2;\nadd.u32 %r5, %r2, %r5;\n"
    "ld.shared.u32 %r4, [%r5];\n";
/// Even lanes read word 0, odd lanes word 1.
const std::string k_read_parity =
    "and.b32 %r5, %r0, 1;\nshl.b32 %r5, %r5, 2;\nadd.u32 %r5, %r2, %r5;\n"
    "ld.shared.u32 %r4, [%r5];\n";
const std::string k_meet_even =
    "and.b32 %r6, %r0, 1;\nsetp.ne.u32 %p1, %r6, 0;\n@%p1 bra ODD;\n"
    "bar.warp.sync 0x55555555;\nODD:\n";
/// Lane i reads the word in round i.
const std::string k_read_in_turn =
    "mov.u32 %r7, 0;\nAGAIN: setp.eq.u32 %p2, %r7, %r0;\n@%p2 ld.shared.u32 %r4, [%r2];\n"
    "add.u32 %r7, %r7, 1;\nsetp.lt.u32 %p3, %r7, 32;\n@%p3 bra AGAIN;\n";

std::vector<Scene> scenes() {
    return {
        {"all read, half meets, one of it writes", k_read_all + k_meet_low + k_write, true},
        {"all read, all meet, one writes", k_read_all + "bar.warp.sync -1;\n" + k_write, false},
        {"all read, nobody meets, one writes", k_read_all + k_write, true},
        {"a half reads and meets, one of it writes",
         below(16, k_read_all + "bar.warp.sync 0xFFFF;\n") + k_write,
         false},
        {"the other half reads, this one writes",
         "setp.lt.u32 %p4, %r0, 16;\n@!%p4 ld.shared.u32 %r4, [%r2];\n" + k_meet_low + k_write,
         true},
        {"halves read their own, one meets and writes",
         k_read_halves + k_meet_low + k_write,
         false},
        {"even lanes read and meet, one of them writes",
         k_read_parity + k_meet_even + k_write,
         false},
        // Lanes are told apart by fours: this race is missed.
        {"all read, even lanes meet, one of them writes",
         k_read_all + k_meet_even + k_write,
         false},
        {"one lane after the other reads, half meets, one of it writes",
         k_read_in_turn + k_meet_low + k_write,
         true},
        {"one lane after the other reads, all meet, one writes",
         k_read_in_turn + "bar.warp.sync -1;\n" + k_write,
         false},
        {"the other half reads, this one reads later and writes",
         "setp.lt.u32 %p4, %r0, 16;\n@!%p4 ld.shared.u32 %r4, [%r2];\n" + k_meet_low +
             below(1, k_read_all) + k_write,
         true},
        {"many distinct sets of readers, half meets, one of it writes",
         // Word i is read by the lanes up to i, one after the other.
         "mov.u32 %r7, 0;\nNEXT: setp.ge.u32 %p2, %r7, %r0;\nshl.b32 %r8, %r7, 2;\n"
         "add.u32 %r8, %r2, %r8;\n@%p2 ld.shared.u32 %r4, [%r8];\nadd.u32 %r7, %r7, 1;\n"
         "setp.lt.u32 %p3, %r7, 32;\n@%p3 bra NEXT;\n" +
             k_meet_low + below(1, "st.shared.u32 [%r2+60], 99;\n"),
         false},
        {"one word beyond is read by one lane of the other half",
         "mov.u32 %r7, 0;\nNEXT: setp.ge.u32 %p2, %r7, %r0;\nshl.b32 %r8, %r7, 2;\n"
         "add.u32 %r8, %r2, %r8;\n@%p2 ld.shared.u32 %r4, [%r8];\nadd.u32 %r7, %r7, 1;\n"
         "setp.lt.u32 %p3, %r7, 32;\n@%p3 bra NEXT;\n" +
             k_meet_low + below(1, "st.shared.u32 [%r2+64], 99;\n"),
         true},
        {"all write the same, half meets, one of it reads",
         "st.shared.u32 [%r2], 5;\n" + below(16, "bar.warp.sync 0xFFFF;\n") + below(1, k_read_all),
         true},
        {"a half writes the same and meets, one of it reads",
         below(16, "st.shared.u32 [%r2], 5;\nbar.warp.sync 0xFFFF;\n") + below(1, k_read_all),
         false},
    };
}

}  // namespace

TEST_CASE("shared races: every lane that read a place is remembered, not the first", "[machine]") {
    for (const Scene& scene : scenes()) {
        for (const bool lane_by_lane : {false, true}) {
            const std::string race = race_of(scene.body, lane_by_lane, Checks::all());
            INFO(scene.what << (lane_by_lane ? " (lane by lane)\n" : "\n") << race);
            CHECK(race.empty() != scene.race);
        }
    }
}

}  // namespace kw::emu::test
