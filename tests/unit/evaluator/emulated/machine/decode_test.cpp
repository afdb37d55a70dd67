// SPDX-License-Identifier: Apache-2.0
// What the decoder settles before anything runs: registers get places that never clash, and
// operands that a handler could not take are refused with the line of the PTX.
#include "evaluator/device/emulated/engine/allot.hpp"
#include "evaluator/device/emulated/engine/program.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

#include <algorithm>
#include <random>

namespace kw::emu::test {
namespace {

PtxError decode_error(const std::string& ptx) {
    const ParseResult parsed = parse(ptx);
    REQUIRE(parsed.errors.empty());
    Memory memory;
    REQUIRE(memory.load(parsed.module).empty());
    for (const Function& function : parsed.module.functions) {
        if (function.kernel) {
            return decode(parsed.module, function, memory, 0).error;
        }
    }
    return {};
}

/// A random structured-or-not program over a few registers, for allot() and for a walk through it.
AllotInput random_program(std::mt19937& random, std::uint32_t insns, std::uint32_t registers) {
    AllotInput input;
    const auto below = [&](std::uint32_t n) {
        return static_cast<std::uint32_t>(random() % n);
    };
    for (std::uint32_t r = 0; r < registers; ++r) {
        static constexpr std::uint16_t k_sizes[] = {4, 128, 256, 512};
        input.sizes.push_back(k_sizes[below(4)]);
    }
    for (std::uint32_t i = 0; i < insns; ++i) {
        AllotInsn insn;
        insn.first = static_cast<std::uint32_t>(input.touches.size());
        const std::uint32_t touches = below(4);
        for (std::uint32_t t = 0; t < touches; ++t) {
            input.touches.push_back({below(registers), t == 0 && below(3) != 0});
        }
        insn.count = touches;
        insn.guarded = below(4) == 0;
        insn.first_target = static_cast<std::uint32_t>(input.targets.size());
        if (below(5) == 0) {
            insn.targets = 1 + below(2);
            insn.ends = below(2) == 0;
            for (std::uint32_t t = 0; t < insn.targets; ++t) {
                input.targets.push_back(below(insns));
            }
        }
        input.insns.push_back(insn);
    }
    input.insns.back().ends = true;
    input.insns.back().guarded = false;
    return input;
}

/// Follows one random path: a read must give what that register was last given, however the places
/// are shared. Every register begins with zero if it is open; what else is in the frame is unknown.
bool walk_agrees(std::mt19937& random, const AllotInput& input, const Allotment& allotment) {
    constexpr int k_unknown = -1;
    std::vector<int> values(input.sizes.size(), k_unknown);
    std::vector<int> frame(allotment.frame_bytes, k_unknown);
    for (const std::uint32_t r : allotment.open) {
        values[r] = 0;
        std::fill_n(frame.begin() + allotment.slots[r], input.sizes[r], 0);
    }
    std::uint32_t at = 0;
    int next = 1;
    for (int step = 0; step < 400 && at < input.insns.size(); ++step) {
        const AllotInsn& insn = input.insns[at];
        const bool skipped = insn.guarded && random() % 2 == 0;
        for (std::uint32_t t = 0; t < insn.count && !skipped; ++t) {
            const Touch touch = input.touches[insn.first + t];
            const std::uint32_t slot = allotment.slots[touch.reg];
            if (!touch.writes && frame[slot] != values[touch.reg]) {
                return false;
            }
        }
        for (std::uint32_t t = 0; t < insn.count && !skipped; ++t) {
            const Touch touch = input.touches[insn.first + t];
            if (touch.writes) {
                values[touch.reg] = ++next;
                std::fill_n(
                    frame.begin() + allotment.slots[touch.reg], input.sizes[touch.reg], next);
            }
        }
        const bool jumps = insn.targets != 0 && !skipped && (insn.ends || random() % 2 == 0);
        if (jumps) {
            at = input.targets[insn.first_target + random() % insn.targets];
        } else if (insn.ends && !skipped) {
            break;
        } else {
            ++at;
        }
    }
    return true;
}

}  // namespace

TEST_CASE("machine: registers that share a place are never alive together", "[machine][decode]") {
    std::mt19937 random(1);
    std::uint64_t shared = 0;
    for (int round = 0; round < 400; ++round) {
        const AllotInput input = random_program(random, 5 + round % 60, 3 + round % 20);
        const Allotment allotment = allot(input, 64);
        std::uint64_t apart = 64;
        for (std::size_t r = 0; r < input.sizes.size(); ++r) {
            if (allotment.slots[r] != 0xFFFFFFFFu) {
                apart += input.sizes[r];
                REQUIRE(allotment.slots[r] % std::min<std::uint32_t>(input.sizes[r], 64) == 0);
                REQUIRE(allotment.slots[r] + input.sizes[r] <= allotment.frame_bytes);
            }
        }
        shared += allotment.frame_bytes < apart ? 1 : 0;
        for (int walk = 0; walk < 20; ++walk) {
            REQUIRE(walk_agrees(random, input, allotment));
        }
    }
    CHECK(shared > 50);  // places really are shared
}

TEST_CASE(
    "machine: operands that a handler could not take are refused with their line",
    "[machine][decode]") {
    const std::pair<const char*, const char*> cases[] = {
        {"frobnicate.u32 %r1, %r2;", "unsupported frobnicate.u32"},
        {"add.u32 %r1, %rd2, %r3;", "width"},
        {"add.u32 %r1, %r2;", "operands"},
        {"add.u32 %r1, %r2, %r3, %r4;", "operands"},
        {"add.u64 %rd1, %rd2, %r3;", "width"},
        {"add.u32 5, %r2, %r3;", "written"},
        {"add.u32 _, %r2, %r3;", "_"},
        {"ld.global.u32 %p1, [%rd0];", "width"},
        {"ld.global.v4.u32 {%r1,%r2,%r3}, [%rd0];", "operands"},
        {"ld.global.u64 %r1, [%rd0];", "width"},
        {"ld.global.u32 %r1, [%p1];", "base"},
        {"ld.global.u32 %r1, %rd0;", "brackets"},
        {"add.u32 %r1, [%rd0], %r2;", "address"},
        {"mov.u32 %r1, [%rd0];", "address"},
        {"ld.global.v2.u32 [%rd0], {%r1,%r2};", "address"},
        {"st.global.u32 %r1, [%rd0];", "brackets"},
        {"cp.async.ca.shared.global %r1, [%rd0], 4;", "brackets"},
        {"atom.global.add.u32 %r1, %rd0, 1;", "brackets"},
        {"st.global.v2.f32 [%rd1], {%f1, _};", "_"},
        {"mov.u32 %r1, %nonsense;", "special"},
        {"mov.u64 %rd1, %tid.x.y;", "special"},
        {"bar.sync %p1;", "width"},
        {"setp.eq.u32 %r1, %r2, %r3;", "width"},
        {"shfl.sync.idx.b32 %r1|%r2, %r3, 0, 31, -1;", "width"},
        {"atom.global.cas.b32 %r1, [%rd1], %r2;", "operands"},
        {"ld.global.v8.u64 {%rd8,%rd9,%rd10,%rd11,%rd12,%rd13,%rd14,%rd15}, [%rd0];",
         "unsupported"},
    };
    for (const auto& [text, expected] : cases) {
        const ParseResult parsed = parse(kernel(text));
        if (!parsed.errors.empty()) {
            continue;  // the parser has refused it already, with a line of its own
        }
        const PtxError error = decode_error(kernel(text));
        INFO(text << " -> " << error.message);
        CHECK(error.message.find(expected) != std::string::npos);
        const std::string whole = kernel(text);
        CHECK(
            error.line == 1 + std::count(
                                  whole.begin(),
                                  whole.begin() + static_cast<std::ptrdiff_t>(whole.find(text)),
                                  '\n'));
    }
}

TEST_CASE("machine: functions are inlined and guarded calls skipped", "[machine][decode]") {
    const std::string function =
        ".func (.param .b32 r) clamp7(.param .b32 a)\n{\n.reg .b32 %x;\n.reg .pred %q;\n"
        "ld.param.b32 %x, [a];\nst.param.b32 [r], %x;\nsetp.le.u32 %q, %x, 7;\n@%q ret;\n"
        "st.param.b32 [r], 7;\nret;\n}\n"
        ".func (.param .b32 r) twice(.param .b32 a)\n{\n.reg .b32 %x;\n{\n.param .b32 p;\n"
        ".param .b32 q;\nld.param.b32 %x, [a];\nst.param.b32 [p], %x;\ncall (q), clamp7, (p);\n"
        "ld.param.b32 %x, [q];\n}\nadd.u32 %x, %x, %x;\nst.param.b32 [r], %x;\nret;\n}\n";
    const std::string body =
        "mul.wide.u32 %rd4, %r0, 4;\nadd.u64 %rd3, %rd1, %rd4;\n{\n.param .b32 p;\n.param .b32 q;\n"
        "st.param.b32 [p], %r0;\nst.param.b32 [q], 99;\nand.b32 %r2, %r0, 1;\n"
        "setp.eq.u32 %p1, %r2, 0;\n@%p1 call (q), twice, (p);\nld.param.b32 %r1, [q];\n}\n"
        "st.global.u32 [%rd3], %r1;\n";
    const auto out = run_values<std::uint32_t>(kernel(body, function), noise(1), 32);
    for (std::uint32_t i = 0; i < 32; ++i) {
        CHECK(out[i] == (i % 2 == 0 ? 2 * std::min(i, 7u) : 99));
    }
}

TEST_CASE("machine: hostile sizes are refused before memory is taken", "[machine][decode]") {
    const auto refused = [](const std::string& body, const std::string& globals = "") {
        const ParseResult parsed = parse(kernel(body, globals));
        if (!parsed.errors.empty()) {
            return true;
        }
        Memory memory;
        if (!memory.load(parsed.module).empty()) {
            return true;
        }
        const DecodeResult result =
            decode(parsed.module, parsed.module.functions.back(), memory, 0);
        return !result.program.has_value();
    };
    CHECK(refused(".local .b8 depot[1000000];\nmov.u64 %rd4, depot;\n"));
    CHECK(refused(".shared .b8 tile[100000000];\nmov.u64 %rd4, tile;\n"));
    // A call tree that doubles at each of forty levels.
    std::string tree = ".func f0()\n{\nret;\n}\n";
    for (int i = 1; i < 40; ++i) {
        const std::string last = "f" + std::to_string(i - 1);
        tree += ".func f" + std::to_string(i) + "()\n{\ncall " + last + ";\ncall " + last +
                ";\nret;\n}\n";
    }
    CHECK(refused("call f39;\n", tree));
    // Many registers that are all alive at once.
    std::string wide = ".reg .b64 %w<70000>;\n";
    std::string sum = "mov.u64 %rd4, 0;\n";
    for (int i = 0; i < 70000; i += 2) {
        wide += "mov.u64 %w" + std::to_string(i) + ", " + std::to_string(i) + ";\n";
        sum += "add.u64 %rd4, %rd4, %w" + std::to_string(i) + ";\n";
    }
    CHECK(refused(wide + sum));
}

TEST_CASE("machine: mov.b128 swaps halves and takes nothing but 16 bytes", "[machine][decode]") {
    const std::string registers = ".reg .b128 %q<3>;\n";
    const std::vector<std::uint64_t> in = {0x1111222233334444, 0x5555666677778888};
    const auto out = run_values<std::uint64_t>(
        kernel(
            registers +
            "ld.global.v2.b64 {%rd2, %rd3}, [%rd0];\nmov.b128 %q0, {%rd3, %rd2};\n"
            "mov.b128 %q1, %q0;\nst.global.b128 [%rd1], %q1;\nld.global.b128 %q2, [%rd0];\n"
            "mov.b128 {%rd4, %rd5}, %q2;\nst.global.v2.b64 [%rd1+16], {%rd5, %rd4};\n"),
        in,
        4,
        1);
    CHECK(out == std::vector<std::uint64_t>{in[1], in[0], in[1], in[0]});
    for (const char* wrong :
         {"mov.b128 %q0, %rd2;\n",
          "mov.b128 %q0, %r2;\n",
          "mov.b128 %rd2, %q0;\n",
          "mov.b128 %q0, {%rd2, %r2};\n",
          "mov.b128 {%rd2, _}, %r2;\n",
          "mov.b128 %q0, {%q1, %q2};\n",
          "mov.b128 %q0, 5;\n",
          "mov.b64 %rd2, %q0;\n",
          "mov.b64 %q0, {%r2, %r3};\n"}) {
        INFO(wrong);
        const PtxError error = decode_error(kernel(registers + wrong));
        CHECK_FALSE(error.message.empty());
        CHECK(error.line > 0);
    }
}

}  // namespace kw::emu::test
