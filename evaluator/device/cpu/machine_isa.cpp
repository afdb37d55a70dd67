// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/machine_isa.hpp"

#include "core/hash.hpp"
#include "evaluator/device/cpu/build.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>
#include <cstdint>

namespace kw::cpu {
namespace {

struct Registers {
    std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

#if defined(__x86_64__)

Registers cpuid(std::uint32_t leaf, std::uint32_t sub_leaf = 0) {
    Registers r;
    if (leaf > __get_cpuid_max(leaf & 0x80000000U, nullptr)) {
        return r;
    }
    __cpuid_count(leaf, sub_leaf, r.eax, r.ebx, r.ecx, r.edx);
    return r;
}

/// The register state that the kernel saves: without it, wide instructions trap although cpuid
/// lists them.
std::uint64_t xcr0() {
    if ((cpuid(1).ecx & bit_OSXSAVE) == 0) {
        return 0;
    }
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (static_cast<std::uint64_t>(high) << 32) | low;
}

bool all(std::uint32_t value, std::uint32_t bits) {
    return (value & bits) == bits;
}

int find_level() {
    const Registers base = cpuid(1);
    const Registers extended = cpuid(0x80000001U);
    const Registers seven = cpuid(7);
    const std::uint64_t state = xcr0();
    constexpr std::uint32_t k_lahf = 1U << 0;
    constexpr std::uint32_t k_lzcnt = 1U << 5;
    if (!all(
            base.ecx,
            bit_SSE3 | bit_SSSE3 | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT | bit_CMPXCHG16B) ||
        !all(extended.ecx, k_lahf)) {
        return 0;
    }
    constexpr std::uint64_t k_ymm_state = 0x6;
    if (!all(base.ecx, bit_AVX | bit_F16C | bit_FMA | bit_MOVBE | bit_OSXSAVE) ||
        !all(extended.ecx, k_lzcnt) || !all(seven.ebx, bit_AVX2 | bit_BMI | bit_BMI2) ||
        (state & k_ymm_state) != k_ymm_state) {
        return 2;
    }
    constexpr std::uint64_t k_zmm_state = 0xe6;
    if (!all(seven.ebx, bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL) ||
        (state & k_zmm_state) != k_zmm_state) {
        return 3;
    }
    return 4;
}

bool find_vnni() {
    constexpr std::uint32_t k_avx512_vnni = 1U << 11;
    return find_level() >= 4 && all(cpuid(7).ecx, k_avx512_vnni);
}

std::string find_id() {
    Hasher hasher;
    hasher.add("kw-machine-isa/1");
    const auto add = [&hasher](Registers r, bool drop_apic) {
        // Leaf 1 ebx holds the APIC id and leaf 4 eax the sharing counts of this core: not the ISA.
        const std::array<std::uint32_t, 4> words{r.eax, drop_apic ? 0 : r.ebx, r.ecx, r.edx};
        hasher.add(std::as_bytes(std::span(words)));
    };
    for (const std::uint32_t leaf :
         {0U,
          1U,
          7U,
          0x19U,
          0x80000001U,
          0x80000002U,
          0x80000003U,
          0x80000004U,
          0x80000005U,
          0x80000006U}) {
        add(cpuid(leaf), leaf == 1);
    }
    add(cpuid(7, 1), false);
    add(cpuid(0xd, 1), true);
    add(cpuid(0x14), false);
    for (std::uint32_t level = 0; level < 4; ++level) {
        add(cpuid(4, level), false);
    }
    const std::uint64_t state = xcr0();
    hasher.add(std::as_bytes(std::span(&state, 1)));
    return hasher.hex();
}

#else

int find_level() {
    return 0;
}
bool find_vnni() {
    return false;
}
std::string find_id() {
    return "not x86-64";
}

#endif

struct IsaName {
    std::string_view name;
    int level;  // of the psABI that it needs
    bool vnni;
};
constexpr std::string_view k_v4_vnni = "x86-64-v4-vnni";
constexpr std::array k_names{
    IsaName{"native", 2, false},
    IsaName{"x86-64-v2", 2, false},
    IsaName{"x86-64-v3", 3, false},
    IsaName{"x86-64-v4", 4, false},
    IsaName{k_v4_vnni, 4, true}};

const IsaName* find_name(const std::string& isa) {
    const auto* found = std::find_if(
        k_names.begin(), k_names.end(), [&](const IsaName& each) { return each.name == isa; });
    return found == k_names.end() ? nullptr : found;
}

}  // namespace

int machine_level() {
    static const int level = find_level();
    return level;
}

std::string machine_isa_id() {
    static const std::string id = find_id();
    return id;
}

bool is_isa_name(const std::string& isa) {
    return find_name(isa) != nullptr;
}

bool machine_has(const std::string& isa) {
    static const bool vnni = find_vnni();
    const IsaName* name = find_name(isa);
    return name != nullptr && machine_level() >= name->level && (vnni || !name->vnni);
}

std::vector<std::string> machine_flags(const std::string& isa) {
    if (isa == k_v4_vnni) {
        return {"-march=x86-64-v4", "-mavx512vnni"};
    }
    return {"-march=" + isa};
}

}  // namespace kw::cpu
