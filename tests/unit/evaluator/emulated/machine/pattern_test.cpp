// SPDX-License-Identifier: Apache-2.0
// Random access patterns: contiguous, strided, permuted, shared by lanes, misaligned, beyond the
// ends, with lanes missing. What the machine does for a warp as a whole must be what it does lane
// by lane, and what a plain model of the memory says; any number of workers must tell the same
// story.
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/emulated/machine/device.hpp"

#include <random>

namespace kw::emu::test {
namespace {

constexpr std::uint32_t k_bytes = 1024;     // of shared memory and of a block's part of `data`
constexpr std::uint32_t k_skip = 1U << 31;  // of an offset: this lane does nothing

std::uint32_t draw(std::mt19937& random, std::size_t below) {
    return static_cast<std::uint32_t>(random() % below);
}

struct Step {
    bool store = false;
    bool shared = false;
    int bytes = 4;   ///< of an element
    int vector = 1;  ///< of one step's lane
    bool barrier = false;
};

struct Case {
    std::vector<Step> steps;
    std::vector<std::uint32_t> offsets;
    std::uint32_t blocks = 1;
    std::uint32_t threads = 32;
    bool filled = false;  ///< shared memory is, before the steps
    bool common = false;  ///< all blocks use the first one's part
};

Step random_step(std::mt19937& random) {
    static constexpr int k_sizes[] = {1, 2, 4, 4, 4, 8};
    Step step;
    step.store = draw(random, 2) == 0;
    step.shared = draw(random, 2) == 0;
    step.bytes = k_sizes[draw(random, std::size(k_sizes))];
    step.vector = step.bytes == 4 && draw(random, 3) == 0 ? (draw(random, 2) == 0 ? 2 : 4) : 1;
    step.barrier = draw(random, 3) == 0;
    return step;
}

/// Offsets of 32 lanes for accesses of `bytes`; sometimes bad ones.
std::vector<std::uint32_t> random_lanes(std::mt19937& random, std::uint32_t bytes, bool bad) {
    const std::uint32_t begin = draw(random, k_bytes / 2) / bytes * bytes;
    const std::uint32_t kind = draw(random, 7);
    const std::uint32_t part = 1 + draw(random, 32);
    std::vector<std::uint32_t> out;
    for (std::uint32_t lane = 0; lane < 32; ++lane) {
        std::uint32_t offset = begin;
        switch (kind) {
            case 0: offset += lane * bytes; break;                  // in a row
            case 1: break;                                          // all the same
            case 2: offset += lane % part * bytes; break;           // again and again
            case 3: offset += lane / part * bytes; break;           // groups
            case 4: offset += (31 - lane) * bytes; break;           // backwards
            case 5: offset += std::min(lane, part) * bytes; break;  // in a row, then the same
            default: offset = draw(random, k_bytes / bytes) * bytes; break;  // anywhere
        }
        offset %= k_bytes;
        if (bad && draw(random, 40) == 0) {
            offset = draw(random, 2) == 0 ? offset + 1 : k_bytes - 1 + draw(random, 64);
        }
        out.push_back(offset);
    }
    const std::uint32_t missing = draw(random, 3);
    for (std::uint32_t lane = 0; lane < 32; ++lane) {
        const bool gone = missing == 1 ? draw(random, 4) == 0 : missing == 2 && lane >= part;
        out[lane] |= gone ? k_skip : 0;
    }
    return out;
}

/// A kernel of steps: thread t takes the offset of step s from in[s * threads + t], in `data` (the
/// block's part) or in shared memory, which is filled first; loads are added up into out[thread].
std::string kernel_of(const Case& test) {
    const std::vector<Step>& steps = test.steps;
    std::string body =
        ".shared .align 16 .b8 tile[1024];\nmov.u32 %r1, %ctaid.x;\nmov.u32 %r2, %ntid.x;\n"
        "mad.lo.u32 %r3, %r1, %r2, %r0;\nmul.wide.u32 %rd2, %r3, 4;\n"
        "mul.lo.u32 %r4, %r1, " +
        std::string(test.common ? "0" : "1024") +
        ";\ncvt.u64.u32 %rd3, %r4;\nadd.u64 %rd3, %rd1, %rd3;\n"
        "mov.u32 %r5, tile;\nmul.lo.u32 %r6, %r0, 4;\nadd.u32 %r6, %r6, %r5;\n"
        "mov.u32 %r20, 0;\nmov.u32 %r9, %nctaid.x;\nmul.lo.u32 %r9, %r9, %r2;\n";
    if (test.filled) {
        body +=
            "setp.lt.u32 %p2, %r0, 32;\nshl.b32 %r7, %r0, 5;\nadd.u32 %r7, %r7, %r5;\n"
            "@%p2 st.shared.v4.b32 [%r7], {%r0, %r0, %r0, %r0};\n"
            "@%p2 st.shared.v4.b32 [%r7+16], {%r0, %r0, %r0, %r0};\nbar.sync 0;\n";
    }
    for (std::size_t s = 0; s < steps.size(); ++s) {
        const Step& step = steps[s];
        const std::string number = std::to_string(s);
        body += "mov.u32 %r10, " + number + ";\nmad.lo.u32 %r10, %r10, %r9, %r3;\n" +
                "mul.wide.u32 %rd5, %r10, 4;\nadd.u64 %rd5, %rd0, %rd5;\n" +
                "ld.global.u32 %r11, [%rd5];\nsetp.lt.s32 %p1, %r11, 0;\n@%p1 bra SKIP" + number +
                ";\n";
        std::string list;
        for (int v = 0; v < step.vector; ++v) {
            const bool wide = step.bytes == 8;
            const std::string reg = (wide ? "%rd" : "%r") + std::to_string(30 + v);
            list += (v == 0 ? "" : ", ") + reg;
            // A store's value says step, lane and element.
            body += wide ? "mul.wide.u32 " + reg + ", %r10, 40503;\n"
                         : "mad.lo.u32 " + reg + ", %r10, 40503, " + std::to_string(v) + ";\n";
        }
        list = step.vector == 1 ? list : "{" + list + "}";
        const std::string form = std::string(step.shared ? ".shared" : ".global") +
                                 (step.vector == 1 ? "" : ".v" + std::to_string(step.vector)) +
                                 ".b" + std::to_string(8 * step.bytes);
        body += step.shared ? "add.u32 %r12, %r5, %r11;\n"
                            : "cvt.u64.u32 %rd6, %r11;\nadd.u64 %rd6, %rd3, %rd6;\n";
        const std::string place = step.shared ? "[%r12]" : "[%rd6]";
        body += step.store ? "st" + form + " " + place + ", " + list + ";\n"
                           : "ld" + form + " " + list + ", " + place + ";\n";
        for (int v = 0; v < step.vector && !step.store; ++v) {
            body += step.bytes == 8
                        ? "cvt.u32.u64 %r13, %rd30;\nmad.lo.u32 %r20, %r20, 31, %r13;\n"
                        : "mad.lo.u32 %r20, %r20, 31, %r" + std::to_string(30 + v) + ";\n";
        }
        body += "SKIP" + number + ":\n";
        body += step.barrier ? "bar.sync 0;\n" : "";
    }
    // The sums lie behind the blocks' parts.
    return kernel(
        body +
        "shl.b32 %r21, %r9, 2;\nmov.u32 %r22, %nctaid.x;\nshl.b32 %r22, %r22, 10;\n"
        "cvt.u64.u32 %rd7, %r22;\nadd.u64 %rd7, %rd1, %rd7;\nadd.u64 %rd7, %rd7, %rd2;\n"
        "st.global.u32 [%rd7], %r20;\n");
}

struct Story {
    std::vector<std::byte> data;
    std::string findings;
    std::string counts;
    bool operator==(const Story&) const = default;
};

Story tell(Device& device, const Case& test, const Options& options) {
    device.options = options;
    const std::string suffix = std::to_string(device.memory.allocations().size());
    const std::size_t bytes = std::size_t{test.blocks} * (k_bytes + 4 * test.threads);
    std::vector<std::byte> start(bytes);
    for (std::size_t i = 0; i < bytes; ++i) {
        start[i] = static_cast<std::byte>(i * 7);
    }
    const Argument in = device.input("in" + suffix, test.offsets);
    const Argument data = device.in_out("data" + suffix, start);
    Launch launch;
    launch.kernel = "k";
    launch.grid = {test.blocks, 1, 1};
    launch.block = {test.threads, 1, 1};
    const Report report = device.launch(launch, {in, data});
    Story story{device.read<std::byte>("data" + suffix), device.text(report), ""};
    for (const InsnReport& insn : report.counters.instructions) {
        const InsnCounts& c = insn.counts;
        for (const std::uint64_t count :
             {c.warps,
              c.threads,
              c.requests,
              c.sectors,
              c.lines,
              c.wavefronts,
              c.excess,
              c.divergent}) {
            story.counts += std::to_string(count) + " ";
        }
    }
    return story;
}

Case random_case(std::mt19937& random, bool bad, bool one_warp) {
    Case test;
    test.blocks = one_warp ? 1 : 1 + draw(random, 3);
    test.threads = one_warp ? 32 : 32 * (1 + draw(random, 3));
    test.filled = draw(random, 4) != 0;
    test.common = draw(random, 3) == 0;
    const std::size_t warps = test.blocks * test.threads / 32;
    const std::size_t count = 4 + draw(random, 12);
    for (std::size_t s = 0; s < count; ++s) {
        Step step = random_step(random);
        if (s > 0 && draw(random, 2) == 0) {  // once more at the places of the step before
            const bool store = step.store;
            step = test.steps.back();
            step.store = store;
            step.barrier = draw(random, 4) == 0;
            const std::vector<std::uint32_t> last(
                test.offsets.end() - static_cast<std::ptrdiff_t>(32 * warps), test.offsets.end());
            test.offsets.insert(test.offsets.end(), last.begin(), last.end());
            test.steps.push_back(step);
            continue;
        }
        test.steps.push_back(step);
        const auto bytes = static_cast<std::uint32_t>(step.bytes * step.vector);
        const bool alike = draw(random, 2) == 0;
        std::vector<std::uint32_t> lanes;
        for (std::size_t warp = 0; warp < warps; ++warp) {
            if (warp == 0 || !alike) {
                lanes = random_lanes(random, bytes, bad);
            }
            test.offsets.insert(test.offsets.end(), lanes.begin(), lanes.end());
        }
    }
    return test;
}

/// The addresses in findings name the allocation's slot, which differs from run to run.
Story fresh(const Case& test, const Options& options) {
    Device device(kernel_of(test));
    return tell(device, test, options);
}

/// What one warp's steps make of `data` when nothing is checked: no bytes move where an access
/// leaves the buffer or its alignment.
std::vector<std::byte> model(const Case& test) {
    std::vector<std::byte> data(k_bytes + 128);
    for (std::size_t i = 0; i < data.size(); ++i) {
        data[i] = static_cast<std::byte>(i * 7);
    }
    std::vector<std::byte> tile(k_bytes);
    for (std::uint32_t i = 0; i < k_bytes; ++i) {
        tile[i] = i % 4 == 0 ? static_cast<std::byte>(i / 32) : std::byte{0};
    }
    std::vector<std::uint32_t> sums(32, 0);
    for (std::size_t s = 0; s < test.steps.size(); ++s) {
        const Step& step = test.steps[s];
        std::vector<std::byte>& memory = step.shared ? tile : data;
        const auto whole = static_cast<std::uint32_t>(step.bytes * step.vector);
        const auto size = static_cast<std::uint32_t>(step.bytes);
        for (std::uint32_t lane = 0; lane < 32; ++lane) {
            const std::uint32_t offset = test.offsets[s * 32 + lane];
            if ((offset & k_skip) != 0) {
                continue;
            }
            const bool good = offset % whole == 0 && offset + whole <= memory.size();
            const auto id = static_cast<std::uint32_t>(s * 32 + lane);
            for (std::uint32_t v = 0; v < static_cast<std::uint32_t>(step.vector); ++v) {
                const std::uint64_t stored =
                    step.bytes == 8 ? std::uint64_t{id} * 40503 : id * 40503U + v;
                std::uint64_t loaded = 0;
                if (good && step.store) {
                    std::memcpy(memory.data() + offset + v * size, &stored, size);
                } else if (good) {
                    std::memcpy(&loaded, memory.data() + offset + v * size, size);
                }
                sums[lane] =
                    step.store ? sums[lane] : sums[lane] * 31 + static_cast<std::uint32_t>(loaded);
            }
        }
    }
    std::memcpy(data.data() + k_bytes, sums.data(), 128);
    return data;
}

}  // namespace

TEST_CASE("machine: accesses of a warp do what a plain model of memory does", "[machine]") {
    std::mt19937 random(17);
    for (int round = 0; round < 60; ++round) {
        Case test = random_case(random, round % 2 == 1, true);
        test.filled = true;  // what lies in shared memory before anybody wrote is the seed's
        const Story story = fresh(test, Options{});
        INFO("round " << round << "\n" << kernel_of(test) << story.findings);
        REQUIRE(story.data == model(test));
    }
}

TEST_CASE(
    "machine: a warp as a whole, lane by lane and on several workers tell one story", "[machine]") {
    std::mt19937 random(23);
    int with_findings = 0;
    for (int round = 0; round < 120; ++round) {
        const Case test = random_case(random, round % 3 == 0, false);
        Options options;
        options.checks = round % 5 == 4 ? Checks{} : Checks::all();
        options.seed = round % 2 == 0 ? 0 : 9;
        const Story whole = fresh(test, options);
        options.lane_by_lane = true;
        const Story lanes = fresh(test, options);
        options.lane_by_lane = false;
        options.threads = 3;
        const Story workers = fresh(test, options);
        INFO("round " << round << "\n" << kernel_of(test));
        INFO(
            whole.findings << "lane by lane:\n"
                           << lanes.findings << "three:\n"
                           << workers.findings);
        REQUIRE(whole == lanes);
        // Blocks that race and are not checked need not agree.
        const bool racing = !options.checks.races && (round % 3 == 0 || test.common);
        REQUIRE((whole == workers || racing));
        with_findings += whole.findings.find("error") != std::string::npos ? 1 : 0;
    }
    CHECK(with_findings > 60);
    CHECK(with_findings < 120);
}

}  // namespace kw::emu::test
