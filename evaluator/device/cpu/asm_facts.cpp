// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/asm_facts.hpp"

#include "core/ascii.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

namespace kw::cpu {
namespace {

struct ClassRule {
    std::string_view start;  ///< of the mnemonic
    std::string_view name;
};

// The first matching start counts; longer starts stand before their own beginnings.
constexpr std::array<ClassRule, 40> k_rules{{
    {"vpdpbusd", "vpdpbusd"},
    {"vpdpwssd", "vpdpwssd"},
    {"vpdpb", "vpdpbssd"},
    {"vpdpw", "vpdpwssd"},
    {"vdpbf16ps", "vdpbf16ps"},
    {"vpmaddubsw", "vpmaddubsw"},
    {"pmaddubsw", "vpmaddubsw"},
    {"vpmaddwd", "vpmaddwd"},
    {"pmaddwd", "vpmaddwd"},
    {"vpshufb", "vpshufb"},
    {"pshufb", "vpshufb"},
    {"vpermi2", "vperm"},
    {"vpermt2", "vperm"},
    {"vperm", "vperm"},
    {"vpopcnt", "vpopcnt"},
    {"popcnt", "popcnt"},
    {"vpgather", "gather"},
    {"vgather", "gather"},
    {"vpscatter", "scatter"},
    {"vscatter", "scatter"},
    {"vpmull", "vpmull"},
    {"pmull", "vpmull"},
    {"vpmulh", "vpmulh"},
    {"vpmuldq", "vpmuldq"},
    {"vpmuludq", "vpmuldq"},
    {"vcvtph2ps", "vcvtph2ps"},
    {"vcvtps2ph", "vcvtps2ph"},
    {"vpternlog", "vpternlog"},
    {"vmulp", "vmul"},
    {"mulp", "vmul"},
    {"vaddp", "vadd"},
    {"addp", "vadd"},
    {"vdivp", "vdiv"},
    {"divp", "vdiv"},
    {"vsqrtp", "vsqrt"},
    {"vpmovzx", "vpmovx"},
    {"vpmovsx", "vpmovx"},
    {"vpbroadcast", "vbroadcast"},
    {"vbroadcast", "vbroadcast"},
    {"tdpb", "amx"},
}};

bool starts_with(std::string_view text, std::string_view start) {
    return text.substr(0, start.size()) == start;
}

/// vfmadd231ps, vfnmsub132sd...: packed or scalar by the last letters.
std::string_view fma_class(std::string_view mnemonic) {
    if (!starts_with(mnemonic, "vfmadd") && !starts_with(mnemonic, "vfmsub") &&
        !starts_with(mnemonic, "vfnmadd") && !starts_with(mnemonic, "vfnmsub")) {
        return {};
    }
    const std::string_view tail = mnemonic.substr(mnemonic.size() - 2);
    return tail == "ss" || tail == "sd" || tail == "sh" ? "scalar fma" : "vfmadd";
}

std::string_view class_of(std::string_view mnemonic) {
    if (const std::string_view fma = fma_class(mnemonic); !fma.empty()) {
        return fma;
    }
    for (const ClassRule& rule : k_rules) {
        if (starts_with(mnemonic, rule.start)) {
            return rule.name;
        }
    }
    return {};
}

bool is_multiply(std::string_view name) {
    static constexpr std::array<std::string_view, 11> k_names{
        "vfmadd",
        "vpdpbusd",
        "vpdpwssd",
        "vpdpbssd",
        "vdpbf16ps",
        "vpmaddubsw",
        "vpmaddwd",
        "vpmull",
        "vmul",
        "vpopcnt",
        "vpmuldq"};
    return std::find(k_names.begin(), k_names.end(), name) != k_names.end();
}

struct Instruction {
    std::string_view mnemonic;
    std::string_view operands;
    bool multiply = false;
};

struct Function {
    std::string name;
    std::vector<Instruction> code;
    std::map<std::string, std::size_t, std::less<>> labels;  ///< label -> index into code
    bool frame_pointer = false;
};

bool is_stack_operand(const Instruction& instruction, bool frame_pointer) {
    return instruction.operands.find("(%rsp") != std::string_view::npos ||
           (frame_pointer && instruction.operands.find("(%rbp") != std::string_view::npos);
}

class Reader {
public:
    AsmFacts run(std::string_view text) {
        while (!text.empty()) {
            const std::size_t end = text.find('\n');
            line(text.substr(0, end));
            text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        }
        close_function();
        return std::move(facts_);
    }

private:
    void line(std::string_view text) {
        text = text.substr(0, text.find('#'));
        text = trimmed(text);
        if (text.empty()) {
            return;
        }
        if (text.back() == ':') {
            const std::string_view label = text.substr(0, text.size() - 1);
            if (starts_with(label, ".L")) {
                function_.labels.emplace(label, function_.code.size());
            } else {
                close_function();
                function_.name = label;
            }
            return;
        }
        if (text.front() == '.') {
            return;
        }
        const std::size_t space = text.find_first_of(" \t");
        Instruction instruction;
        instruction.mnemonic = text.substr(0, space);
        instruction.operands =
            space == std::string_view::npos ? std::string_view{} : trimmed(text.substr(space));
        count(instruction);
        if (instruction.mnemonic == "movq" && instruction.operands == "%rsp, %rbp") {
            function_.frame_pointer = true;
        }
        function_.code.push_back(instruction);
    }

    void count(Instruction& instruction) {
        const std::string_view name = class_of(instruction.mnemonic);
        if (!name.empty()) {
            ++facts_.instruction_classes[std::string(name)];
            instruction.multiply = is_multiply(name);
        }
        for (const std::string_view width : {"zmm", "ymm", "xmm"}) {
            if (instruction.operands.find(width) != std::string_view::npos) {
                ++facts_.instruction_classes[std::string(width)];
                break;
            }
        }
    }

    /// A loop is a jump to an earlier label of the function; the innermost ones hold no other.
    void close_function() {
        std::vector<std::pair<std::size_t, std::size_t>> loops;  // first and last instruction
        for (std::size_t at = 0; at < function_.code.size(); ++at) {
            const Instruction& instruction = function_.code[at];
            if (!starts_with(instruction.mnemonic, "j")) {
                continue;
            }
            const auto label = function_.labels.find(instruction.operands);
            if (label != function_.labels.end() && label->second <= at) {
                loops.emplace_back(label->second, at);
            }
        }
        // Sorted by end: a loop is innermost when no loop that ended before it starts inside it.
        std::size_t latest_start = 0;
        bool any = false;
        for (const auto& [first, last] : loops) {
            if (!any || latest_start < first) {
                consider(first, last);
            }
            latest_start = any ? std::max(latest_start, first) : first;
            any = true;
        }
        function_ = Function{};
    }

    void consider(std::size_t first, std::size_t last) {
        int multiplies = 0;
        std::size_t from = last;
        std::size_t to = first;
        for (std::size_t at = first; at <= last; ++at) {
            if (function_.code[at].multiply) {
                ++multiplies;
                from = std::min(from, at);
                to = at;
            }
        }
        if (multiplies <= most_multiplies_) {
            return;
        }
        most_multiplies_ = multiplies;
        facts_.hottest_function = function_.name;
        facts_.stack_references = static_cast<int>(std::count_if(
            function_.code.begin() + static_cast<std::ptrdiff_t>(from),
            function_.code.begin() + static_cast<std::ptrdiff_t>(to) + 1,
            [this](const Instruction& i) { return is_stack_operand(i, function_.frame_pointer); }));
    }

    AsmFacts facts_;
    Function function_;
    int most_multiplies_ = 0;
};

}  // namespace

AsmFacts asm_facts(std::string_view text) {
    return Reader().run(text);
}

bool defines_symbol(std::string_view text, std::string_view symbol) {
    std::string label = "\n";
    label.append(symbol).append(":");
    return text.find(label) != std::string_view::npos;
}

}  // namespace kw::cpu
