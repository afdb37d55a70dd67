// SPDX-License-Identifier: Apache-2.0
// The capability table against the assembler: an instruction that is native takes one slot of the
// machine code, an imitated one many, and one that is absent is refused.
#include "evaluator/device/cuda/arch_table.hpp"

#include "core/task.hpp"
#include "evaluator/device/cuda/launch_plan.hpp"
#include "evaluator/device/cuda/toolkit.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace kw;
using namespace kw::cuda;

namespace {

namespace fs = std::filesystem;

struct Probe {
    const char* name;
    const char* instruction;
};
constexpr Probe k_probes[] = {
    {"mma.f16", "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 F,A,B,F;"},
    {"mma.s8", "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 I,A,B,I;"},
    {"mma.s4", "mma.sync.aligned.m16n8k64.row.col.s32.s4.s4.s32 I,A,B,I;"},
    {"mma.b1", "mma.sync.aligned.m16n8k256.row.col.s32.b1.b1.s32.and.popc I,A,B,I;"},
    {"mma.e4m3", "mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 F,A,B,F;"},
    {"mma.e2m1", "mma.sync.aligned.m16n8k32.row.col.kind::f8f6f4.f32.e2m1.e2m1.f32 F,A,B,F;"}};

std::string spelled(std::string text) {
    const std::pair<char, const char*> operands[] = {
        {'F', "{%f0,%f1,%f2,%f3}"},
        {'I', "{%r0,%r1,%r2,%r3}"},
        {'A', "{%r4,%r5,%r6,%r7}"},
        {'B', "{%r8,%r9}"}};
    std::string out;
    const std::size_t end = text.find(' ');
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto* operand =
            std::find_if(std::begin(operands), std::end(operands), [&](const auto& o) {
                return o.first == text[i];
            });
        out += i > end && operand != std::end(operands) ? operand->second : std::string(1, text[i]);
    }
    return out;
}

/// Slots of 16 bytes in the section .text.k of a 64-bit ELF file.
std::uint64_t slots_of(const std::string& elf) {
    const auto number = [&](std::uint64_t at, std::size_t bytes) {
        std::uint64_t value = 0;
        std::memcpy(&value, elf.data() + at, bytes);
        return value;
    };
    const std::uint64_t table = number(40, 8);
    const std::uint64_t names = number(table + number(62, 2) * 64 + 24, 8);
    for (std::uint64_t i = 0; i < number(60, 2); ++i) {
        const std::uint64_t section = table + i * 64;
        if (elf.compare(names + number(section, 4), 8, ".text.k\0", 8) == 0) {
            return number(section + 32, 8) / 16;
        }
    }
    return 0;
}

/// 0: refused.
std::uint64_t assembled(const Toolkit& toolkit, const std::string& arch, const std::string& insn) {
    const fs::path folder = fs::temp_directory_path() / ("kw-arch-" + std::to_string(getpid()));
    fs::create_directories(folder);
    std::ofstream(folder / "t.ptx")
        << ".version 8.8\n.target " << arch
        << "\n.address_size 64\n.visible .entry k(.param .u64 o){ .reg .b32 %r<20>; .reg .f32 "
           "%f<8>; .reg .b64 %rd<3>;\nld.param.u64 %rd1,[o];\n"
           "ld.global.v4.u32 {%r0,%r1,%r2,%r3},[%rd1]; ld.global.v4.u32 "
           "{%r4,%r5,%r6,%r7},[%rd1+16];\nld.global.v2.u32 {%r8,%r9},[%rd1+32]; ld.global.v4.f32 "
           "{%f0,%f1,%f2,%f3},[%rd1+64];\n"
        << insn
        << "\nst.global.v4.u32 [%rd1],{%r0,%r1,%r2,%r3}; st.global.v4.f32 "
           "[%rd1+64],{%f0,%f1,%f2,%f3}; ret; }\n";
    const std::string command = toolkit.ptxas.string() + " -arch=" + arch + " " +
                                (folder / "t.ptx").string() + " -o " +
                                (folder / "t.cubin").string() + " >/dev/null 2>&1";
    std::uint64_t slots = 0;
    if (std::system(command.c_str()) == 0) {
        std::ifstream file(folder / "t.cubin", std::ios::binary);
        slots = slots_of({std::istreambuf_iterator<char>(file), {}});
    }
    fs::remove_all(folder);
    return slots;
}

}  // namespace

TEST_CASE("arch table: every known architecture and class has an entry") {
    for (const std::string& arch : known_archs()) {
        REQUIRE(arch_traits(arch) != nullptr);
        CHECK(arch_traits(arch)->most_macs > 0);
        CHECK(support_of(arch, "mma.f16") == Support::native);
        CHECK(!capability_lines(arch).empty());
    }
    CHECK(arch_traits("sm_10") == nullptr);
    CHECK(support_of("sm_10", "mma.f16") == Support::absent);
    CHECK(support_of("sm_90a", "mma.none") == Support::absent);
    CHECK(support_of("sm_90a", "wgmma.e4m3") == Support::native);
    CHECK(support_of("sm_100a", "wgmma.e4m3") == Support::absent);
    CHECK(capability_lines("sm_90a")[1].find("mma.s4") != std::string::npos);
}

TEST_CASE("arch table: the assembler agrees on what is native", "[toolkit][slow]") {
    const auto toolkit = find_toolkit();
    if (!toolkit || toolkit->ptxas.empty()) {
        WARN("skipped: no ptxas here");
        return;
    }
    for (const char* arch : {"sm_80", "sm_89", "sm_90a", "sm_100a", "sm_120a"}) {
        const std::uint64_t plain = assembled(*toolkit, arch, "");
        if (plain == 0) {
            WARN("skipped " << arch << ": this ptxas does not know it");
            continue;
        }
        for (const Probe& probe : k_probes) {
            const std::uint64_t slots = assembled(*toolkit, arch, spelled(probe.instruction));
            const Support found = slots == 0           ? Support::absent
                                  : slots <= plain + 8 ? Support::native
                                                       : Support::emulated;
            INFO(arch << " " << probe.name << ": " << slots << " slots, " << plain << " without");
            CHECK(name(found) == name(support_of(arch, probe.name)));
        }
    }
}
