// SPDX-License-Identifier: Apache-2.0
// Golden tests of what lanes of a warp do together, computed lane by lane on the host.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/golden.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

#include <bit>
#include <functional>

namespace kw::emu::test {
namespace {

using Words = std::vector<std::uint32_t>;

/// %r8: this lane's word of `in`; the body leaves its result in %r9.
std::string lane_kernel(const std::string& body) {
    return kernel(
        "mul.wide.u32 %rd4, %r0, 4;\nadd.u64 %rd2, %rd0, %rd4;\nadd.u64 %rd3, %rd1, %rd4;\n"
        "ld.global.u32 %r8, [%rd2];\n" +
        body + "st.global.u32 [%rd3], %r9;\n");
}

void check(const std::string& body, const Words& in, const Words& expected) {
    REQUIRE(run_values<std::uint32_t>(lane_kernel(body), in, 32) == expected);
}

Words each(const std::function<std::uint32_t(std::uint32_t)>& f) {
    Words out(32);
    for (std::uint32_t lane = 0; lane < 32; ++lane) {
        out[lane] = f(lane);
    }
    return out;
}

/// The source lane by the PTX ISA's text, written for segments of `width` lanes.
int shuffle_from(const std::string& mode, int lane, int b, int width, bool& in_range) {
    const int begin = lane / width * width;
    const int within = lane - begin;
    int from = 0;
    if (mode == "up") {
        from = within - b;
        in_range = from >= 0;
    } else if (mode == "down") {
        from = within + b;
        in_range = from < width;
    } else if (mode == "bfly") {
        from = (lane ^ b) - begin;  // earlier segments may be read, later ones not
        in_range = from < width;
    } else {
        from = b % width;
        in_range = true;
    }
    return in_range ? begin + from : lane;
}

}  // namespace

TEST_CASE("machine: shfl reads the lane that its mode and segment width say", "[machine]") {
    KW_GOLDEN("shfl");
    const Words in = noise(32);
    for (const std::string mode : {"up", "down", "bfly", "idx"}) {
        for (const int width : {32, 16, 8, 2}) {
            for (const int b : {0, 1, 3, 8, 17, 31}) {
                const int segment = (32 - width) << 8;
                const int c = segment | (mode == "up" ? 0 : 31);
                Words values(32);
                Words flags(32);
                for (int lane = 0; lane < 32; ++lane) {
                    bool in_range = false;
                    const int from = shuffle_from(mode, lane, b, width, in_range);
                    values[static_cast<std::size_t>(lane)] = in[static_cast<std::size_t>(from)];
                    flags[static_cast<std::size_t>(lane)] = in_range ? 1 : 0;
                }
                const std::string operands =
                    "%r8, " + std::to_string(b) + ", " + std::to_string(c) + ", -1;\n";
                INFO(mode << " " << width << " " << b);
                check("shfl.sync." + mode + ".b32 %r9|%p1, " + operands, in, values);
                check("shfl.sync." + mode + ".b32 %r9, " + operands, in, values);
                check(
                    "shfl.sync." + mode + ".b32 %r10|%p1, " + operands +
                        "selp.u32 %r9, 1, 0, %p1;\n",
                    in,
                    flags);
            }
        }
    }
    // The result may be the source's own register, and the distance a register.
    check(
        "mov.u32 %r9, %r8;\nand.b32 %r10, %r0, 3;\nshfl.sync.bfly.b32 %r9, %r9, %r10, 31, -1;\n",
        in,
        each([&](std::uint32_t lane) { return in[lane ^ (lane & 3)]; }));
}

TEST_CASE("machine: votes count the active lanes that their mask names", "[machine]") {
    KW_GOLDEN("vote_pred");
    KW_GOLDEN("vote_ballot");
    KW_GOLDEN("activemask");
    for (const std::uint32_t pattern : {0u, 0xFFFFFFFFu, 1u, 0x80000000u, 0x12345678u}) {
        const Words in = each([&](std::uint32_t lane) { return (pattern >> lane) & 1; });
        const std::string set = "setp.ne.u32 %p1, %r8, 0;\n";
        const std::string get = "selp.u32 %r9, 1, 0, %p2;\n";
        check(set + "vote.sync.ballot.b32 %r9, %p1, -1;\n", in, Words(32, pattern));
        check(set + "vote.sync.ballot.b32 %r9, !%p1, -1;\n", in, Words(32, ~pattern));
        const auto flag = [&](const std::string& op, bool value) {
            check(
                set + "vote.sync." + op + ".pred %p2, %p1, -1;\n" + get,
                in,
                Words(32, value ? 1 : 0));
        };
        flag("all", pattern == 0xFFFFFFFFu);
        flag("any", pattern != 0);
        flag("uni", pattern == 0 || pattern == 0xFFFFFFFFu);
        // Within a mask: the lower half alone takes part.
        check(
            set +
                "mov.u32 %r9, 7;\nsetp.lt.u32 %p3, %r0, 16;\n@%p3 vote.sync.ballot.b32 %r9, "
                "%p1, 0xFFFF;\n",
            in,
            each([&](std::uint32_t lane) { return lane < 16 ? pattern & 0xFFFF : 7; }));
        check(
            set + "mov.u32 %r9, 0;\n@%p1 activemask.b32 %r9;\n", in, each([&](std::uint32_t lane) {
                return ((pattern >> lane) & 1) != 0 ? pattern : 0;
            }));
    }
}

TEST_CASE("machine: match finds the lanes with the same value", "[machine]") {
    KW_GOLDEN("match_any");
    KW_GOLDEN("match_all");
    for (const std::uint32_t kinds : {1u, 2u, 5u, 32u}) {
        const Words in = each([&](std::uint32_t lane) { return lane * 7 % kinds * 0x01000001u; });
        const Words same = each([&](std::uint32_t lane) {
            std::uint32_t mask = 0;
            for (std::uint32_t i = 0; i < 32; ++i) {
                mask |= in[i] == in[lane] ? 1u << i : 0;
            }
            return mask;
        });
        check("match.any.sync.b32 %r9, %r8, -1;\n", in, same);
        check(
            "mov.b64 %rd5, {%r0, %r8};\nshr.u64 %rd5, %rd5, 32;\nmatch.any.sync.b64 %r9, %rd5, "
            "-1;\n",
            in,
            same);
        const std::uint32_t all = kinds == 1 ? 0xFFFFFFFFu : 0;
        check("match.all.sync.b32 %r9|%p1, %r8, -1;\n", in, Words(32, all));
        check(
            "match.all.sync.b32 %r10|%p1, %r8, -1;\nselp.u32 %r9, 1, 0, %p1;\n",
            in,
            Words(32, all & 1));
        check("cvt.u64.u32 %rd5, %r8;\nmatch.all.sync.b64 %r9, %rd5, -1;\n", in, Words(32, all));
    }
}

TEST_CASE("machine: redux reduces over the lanes of its mask", "[machine]") {
    KW_GOLDEN("redux_integer");
    KW_GOLDEN("redux_logic");
    const Words in = noise(32, 7);
    struct Op {
        const char* name;
        std::function<std::uint32_t(std::uint32_t, std::uint32_t)> f;
    };
    const auto less = [](std::uint32_t a, std::uint32_t b) {
        return static_cast<std::int32_t>(a) < static_cast<std::int32_t>(b);
    };
    const std::vector<Op> ops = {
        {"add.u32",
         [](auto a, auto b) {
             return a + b;
         }},
        {"add.s32",
         [](auto a, auto b) {
             return a + b;
         }},
        {"min.u32",
         [](auto a, auto b) {
             return std::min(a, b);
         }},
        {"max.u32",
         [](auto a, auto b) {
             return std::max(a, b);
         }},
        {"min.s32",
         [&](auto a, auto b) {
             return less(a, b) ? a : b;
         }},
        {"max.s32",
         [&](auto a, auto b) {
             return less(a, b) ? b : a;
         }},
        {"and.b32",
         [](auto a, auto b) {
             return a & b;
         }},
        {"or.b32",
         [](auto a, auto b) {
             return a | b;
         }},
        {"xor.b32",
         [](auto a, auto b) {
             return a ^ b;
         }},
    };
    for (const Op& op : ops) {
        for (const std::uint32_t mask : {0xFFFFFFFFu, 0x00FF00FFu, 0x80000001u}) {
            std::uint32_t sum = 0;
            bool first = true;
            for (std::uint32_t lane = 0; lane < 32; ++lane) {
                if (((mask >> lane) & 1) != 0) {
                    sum = first ? in[lane] : op.f(sum, in[lane]);
                    first = false;
                }
            }
            const std::string text = std::to_string(mask);
            check(
                "mov.u32 %r9, 0;\nshr.u32 %r10, " + text +
                    ", %r0;\nand.b32 %r10, %r10, 1;\n"
                    "setp.ne.u32 %p1, %r10, 0;\n@%p1 redux.sync." +
                    op.name + " %r9, %r8, " + text + ";\n",
                in,
                each([&](std::uint32_t lane) { return ((mask >> lane) & 1) != 0 ? sum : 0; }));
        }
    }
}

TEST_CASE("machine: elect chooses the lowest lane of the mask", "[machine]") {
    KW_GOLDEN("elect");
    const Words in = noise(32);
    check("elect.sync %r9|%p1, -1;\n", in, Words(32, 0));
    check("elect.sync _|%p1, -1;\nselp.u32 %r9, 1, 0, %p1;\n", in, each([](std::uint32_t lane) {
              return lane == 0 ? 1u : 0u;
          }));
    check(
        "mov.u32 %r9, 99;\nsetp.gt.u32 %p2, %r0, 4;\n@%p2 elect.sync %r9|%p1, 0xFFFFFFE0;\n",
        in,
        each([](std::uint32_t lane) { return lane > 4 ? 5u : 99u; }));
}

TEST_CASE("machine: lanes that name different members are groups of their own", "[machine]") {
    const Words in = noise(32, 5);
    // %r11: the mask of the lane's tile; tiles of 4, 8 and 16.
    for (const std::uint32_t size : {4u, 8u, 16u}) {
        const std::string tile = "and.b32 %r10, %r0, " + std::to_string(32 - size) +
                                 ";\nshl.b32 %r11, " + std::to_string((1u << size) - 1) +
                                 ", %r10;\nand.b32 %r8, %r8, 3;\nsetp.eq.u32 %p2, %r8, 1;\n";
        const auto members = [size](std::uint32_t lane, const auto& visit) {
            const std::uint32_t begin = lane / size * size;
            for (std::uint32_t other = begin; other < begin + size; ++other) {
                visit(other);
            }
        };
        const auto ballot = [&](std::uint32_t lane, const auto& votes) {
            std::uint32_t bits = 0;
            members(
                lane, [&](std::uint32_t other) { bits |= votes(in[other] & 3) ? 1u << other : 0; });
            return bits;
        };
        const auto all = [&](std::uint32_t lane) {
            return ((1u << size) - 1) << (lane / size * size);
        };
        const auto ones =
            each([&](std::uint32_t lane) { return ballot(lane, [](auto v) { return v == 1; }); });
        INFO("tiles of " << size);
        check(tile + "vote.sync.ballot.b32 %r9, %p2, %r11;\n", in, ones);
        const std::string tell = "selp.u32 %r9, 1, 0, %p1;\n";
        check(
            tile + "vote.sync.any.pred %p1, %p2, %r11;\n" + tell, in, each([&](std::uint32_t lane) {
                return ones[lane] != 0 ? 1u : 0u;
            }));
        check(
            tile + "vote.sync.uni.pred %p1, %p2, %r11;\n" + tell, in, each([&](std::uint32_t lane) {
                return ones[lane] == 0 || ones[lane] == all(lane) ? 1u : 0u;
            }));
        check(tile + "match.any.sync.b32 %r9, %r8, %r11;\n", in, each([&](std::uint32_t lane) {
                  return ballot(lane, [&](auto v) { return v == (in[lane] & 3); });
              }));
        // One value in every second tile.
        check(
            tile + "and.b32 %r12, %r0, " + std::to_string(size) +
                ";\nsetp.eq.u32 %p3, %r12, 0;\nselp.u32 %r8, %r10, %r0, %p3;\n"
                "match.all.sync.b32 %r9, %r8, %r11;\n",
            in,
            each([&](std::uint32_t lane) { return (lane & size) == 0 ? all(lane) : 0; }));
        check(tile + "redux.sync.add.u32 %r9, %r8, %r11;\n", in, each([&](std::uint32_t lane) {
                  std::uint32_t sum = 0;
                  members(lane, [&](std::uint32_t other) { sum += in[other] & 3; });
                  return sum;
              }));
        check(tile + "elect.sync %r9|%p1, %r11;\n", in, each([&](std::uint32_t lane) {
                  return lane / size * size;
              }));
        check(
            tile + "shfl.sync.bfly.b32 %r9, %r8, 1, 31, %r11;\nbar.warp.sync %r11;\n",
            in,
            each([&](std::uint32_t lane) { return in[lane ^ 1] & 3; }));
    }
}

TEST_CASE(
    "machine: every row of the control and memory and warp parts has a golden test", "[machine]") {
    CHECK(golden_gaps({"control", "memory", "warp"}) == std::vector<std::string>{});
}

}  // namespace kw::emu::test
