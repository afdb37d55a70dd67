// SPDX-License-Identifier: Apache-2.0
// Classes of matrix and packed instructions, from opcodes.
#include "evaluator/device/cuda/ptx_facts.hpp"

#include <algorithm>
#include <array>

namespace kw::cuda {
namespace {

constexpr std::array<std::string_view, 14> k_operand_types{
    "f16",
    "bf16",
    "tf32",
    "f64",
    "s8",
    "u8",
    "s4",
    "u4",
    "b1",
    "e4m3",
    "e5m2",
    "e2m3",
    "e3m2",
    "e2m1"};
constexpr std::array<std::string_view, 7> k_tcgen_kinds{
    "f16", "tf32", "f8f6f4", "i8", "mxf8f6f4", "mxf4", "mxf4nvf4"};
constexpr std::array<std::string_view, 6> k_packed{
    "dp4a", "dp2a", "fma.f16", "fma.f16x2", "fma.bf16", "fma.bf16x2"};

template <std::size_t n>
bool one_of(std::string_view word, const std::array<std::string_view, n>& words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<std::string_view> parts_of(std::string_view opcode) {
    std::vector<std::string_view> parts;
    while (!opcode.empty() && parts.size() < 32) {
        const std::size_t dot = opcode.find('.');
        parts.push_back(opcode.substr(0, dot));
        opcode = dot == std::string_view::npos ? std::string_view{} : opcode.substr(dot + 1);
    }
    return parts;
}

/// A type of the accumulator, of an operand, or of a scale.
bool is_type(std::string_view part) {
    return part == "f32" || part == "s32" || part == "ue8m0" || part == "ue4m3" ||
           one_of(part, k_operand_types);
}

/// Types in the order of the opcode: D A B C, D A B (wgmma), or D C (wmma of f16).
std::vector<std::string_view> types_of(const std::vector<std::string_view>& parts) {
    std::vector<std::string_view> types;
    for (std::size_t i = 1; i < parts.size(); ++i) {
        if (is_type(parts[i])) {
            types.push_back(parts[i]);
        }
    }
    return types;
}

void add_operands(
    const std::string& unit,
    const std::vector<std::string_view>& types,
    std::vector<std::string>& classes) {
    if (types.size() < 3) {
        if (unit == "mma") {
            classes.push_back("mma.f16");  // D and C alone are named
        }
        return;
    }
    for (std::size_t i = 1; i <= 2; ++i) {
        std::string name = unit + "." + std::string(types[i]);
        if (one_of(types[i], k_operand_types) &&
            std::find(classes.begin(), classes.end(), name) == classes.end()) {
            classes.push_back(std::move(name));
        }
    }
}

std::string tcgen_class(const std::vector<std::string_view>& parts) {
    constexpr std::string_view k_kind = "kind::";
    for (const std::string_view part : parts) {
        if (part.substr(0, k_kind.size()) == k_kind &&
            one_of(part.substr(k_kind.size()), k_tcgen_kinds)) {
            return "tcgen05." + std::string(part.substr(k_kind.size()));
        }
    }
    return "tcgen05.other";
}

}  // namespace

std::vector<std::string> classes_of(std::string_view opcode) {
    std::vector<std::string> classes;
    const auto starts = [opcode](std::string_view prefix) {
        return opcode.substr(0, prefix.size()) == prefix;
    };
    if (starts("mma.")) {
        add_operands("mma", types_of(parts_of(opcode)), classes);
    } else if (starts("wmma.mma.")) {
        add_operands("mma", types_of(parts_of(opcode)), classes);
    } else if (starts("wgmma.mma_async.")) {
        add_operands("wgmma", types_of(parts_of(opcode)), classes);
    } else if (starts("tcgen05.mma.")) {
        classes.push_back(tcgen_class(parts_of(opcode)));
    } else if (starts("dp4a.") || starts("dp2a.")) {
        classes.emplace_back(opcode.substr(0, 4));
    } else if (starts("fma.")) {
        const std::vector<std::string_view> parts = parts_of(opcode);
        const std::string name = "fma." + std::string(parts.back());
        if (one_of(std::string_view(name), k_packed)) {
            classes.push_back(name);
        }
    }
    return classes;
}

std::string show_classes(const ClassCounts& counts) {
    // Tensor cores first: they are what a kernel is known by.
    std::vector<std::string> names;
    for (const auto& [name, count] : counts) {
        if (count > 0) {
            names.push_back(name);
        }
    }
    const auto rank = [](const std::string& name) {
        if (name.starts_with("tcgen05.")) {
            return 0;
        }
        if (name.starts_with("wgmma.")) {
            return 1;
        }
        return name.starts_with("mma.") ? 2 : (name.starts_with("dp") ? 3 : 4);
    };
    std::stable_sort(names.begin(), names.end(), [&](const auto& a, const auto& b) {
        return rank(a) < rank(b);
    });
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text.empty() ? "none" : text;
}

}  // namespace kw::cuda
