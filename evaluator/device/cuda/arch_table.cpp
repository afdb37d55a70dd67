// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/arch_table.hpp"

#include <algorithm>
#include <array>

namespace kw::cuda {
namespace {

// Dense multiply-adds a clock and SM of the fastest class: s4 on Ampere and Ada, fp8/s8 on Hopper,
// mxf4 on Blackwell (vendor's white papers).
constexpr std::array<ArchTraits, 10> k_traits{{
    {"sm_80", "Ampere", 4096, false},
    {"sm_86", "Ampere", 2048, false},
    {"sm_89", "Ada", 2048, false},
    {"sm_90", "Hopper", 4096, true},
    {"sm_90a", "Hopper", 4096, true},
    {"sm_100", "Blackwell", 16384, true},
    {"sm_100a", "Blackwell", 16384, true},
    {"sm_103a", "Blackwell Ultra", 24576, true},
    {"sm_120", "Blackwell (RTX)", 4096, true},
    {"sm_120a", "Blackwell (RTX)", 4096, true},
}};

enum Column { c80, c86, c89, c90, c90a, c100, c100a, c103a, c120, c120a, c_count };

// n: native, e: imitated by ordinary instructions, '-': the assembler refuses it. One letter an
// architecture of k_traits, in its order.
struct ClassRow {
    std::string_view name;
    std::string_view support;
};
constexpr std::array<ClassRow, 23> k_classes{{
    {"mma.f16", "nnnnnnnnnn"},    {"mma.bf16", "nnnnnnnnnn"},   {"mma.tf32", "nnnnnnnnnn"},
    {"mma.f64", "nnnnnnnnnn"},    {"mma.s8", "nnnnnnnnnn"},     {"mma.u8", "nnnnnnnnnn"},
    {"mma.s4", "nnneeeeeee"},     {"mma.u4", "nnneeeeeee"},     {"mma.b1", "nnnnneeeee"},
    {"mma.e4m3", "--neeeeenn"},   {"mma.e5m2", "--neeeeenn"},   {"mma.e2m1", "---------n"},
    {"mma.e2m3", "---------n"},   {"mma.e3m2", "---------n"},   {"wgmma.f16", "----n-----"},
    {"wgmma.bf16", "----n-----"}, {"wgmma.tf32", "----n-----"}, {"wgmma.s8", "----n-----"},
    {"wgmma.u8", "----n-----"},   {"wgmma.e4m3", "----n-----"}, {"wgmma.e5m2", "----n-----"},
    {"wgmma.b1", "----n-----"},   {"dp4a", "nnnnnnnnnn"},
}};

constexpr std::array<ClassRow, 8> k_blackwell{{
    {"tcgen05.f16", "------nn--"},
    {"tcgen05.tf32", "------nn--"},
    {"tcgen05.f8f6f4", "------nn--"},
    {"tcgen05.i8", "------n---"},
    {"tcgen05.mxf8f6f4", "------nn--"},
    {"tcgen05.mxf4", "------nn--"},
    {"tcgen05.mxf4nvf4", "------nn--"},
    {"tcgen05.other", "------nn--"},
}};

static_assert(std::ranges::all_of(k_classes, [](const ClassRow& row) {
    return row.support.size() == c_count;
}));
static_assert(std::ranges::all_of(k_blackwell, [](const ClassRow& row) {
    return row.support.size() == c_count;
}));

Support support_from(char letter) {
    switch (letter) {
        case 'n': return Support::native;
        case 'e': return Support::emulated;
        default: return Support::absent;
    }
}

template <class Visit>
void for_each_class(Visit visit) {
    std::ranges::for_each(k_classes, visit);
    std::ranges::for_each(k_blackwell, visit);
}

}  // namespace

std::string_view name(Support support) {
    switch (support) {
        case Support::native: return "native";
        case Support::emulated: return "emulated";
        case Support::absent: break;
    }
    return "absent";
}

const ArchTraits* arch_traits(std::string_view arch) {
    const auto* found = std::ranges::find(k_traits, arch, &ArchTraits::arch);
    return found == k_traits.end() ? nullptr : found;
}

Support support_of(std::string_view arch, std::string_view instruction_class) {
    const ArchTraits* traits = arch_traits(arch);
    Support support = Support::absent;
    if (traits == nullptr) {
        return support;
    }
    const auto column = static_cast<std::size_t>(traits - k_traits.data());
    for_each_class([&](const ClassRow& row) {
        if (row.name == instruction_class) {
            support = support_from(row.support[column]);
        }
    });
    // Packed half-precision arithmetic is everywhere.
    return instruction_class.starts_with("fma.") || instruction_class == "dp2a" ? Support::native
                                                                                : support;
}

std::string classes_with(std::string_view arch, Support support) {
    std::string text;
    for_each_class([&](const ClassRow& row) {
        if (support_of(arch, row.name) == support) {
            text += (text.empty() ? "" : ", ") + std::string(row.name);
        }
    });
    return text;
}

std::vector<std::string> capability_lines(std::string_view arch) {
    std::vector<std::string> lines;
    const ArchTraits* traits = arch_traits(arch);
    if (traits == nullptr) {
        return lines;
    }
    lines.push_back(
        std::string(arch) + " (" + std::string(traits->generation) +
        "), instruction classes in hardware: " + classes_with(arch, Support::native));
    if (const std::string slow = classes_with(arch, Support::emulated); !slow.empty()) {
        lines.push_back("They assemble, but are imitated and slow: " + slow);
    }
    return lines;
}

}  // namespace kw::cuda
