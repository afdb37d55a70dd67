// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/block_order.hpp"

#include "evaluator/device/emulated/engine/ops_control.hpp"
#include "evaluator/device/emulated/engine/specials.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

bool has_any(std::string_view opcode, std::initializer_list<std::string_view> parts) {
    return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) {
        return opcode.find(part) != std::string_view::npos;
    });
}

/// How often operands and guards name a slot.
class Mentions {
public:
    explicit Mentions(const Program& program)
        : slots_(program.slots) {
        for (const Insn& insn : program.insns) {
            if (insn.guarded) {
                slots_.push_back(insn.guard);
            }
        }
        std::sort(slots_.begin(), slots_.end());
    }
    [[nodiscard]] bool once(std::uint32_t slot) const {
        const auto [begin, end] = std::equal_range(slots_.begin(), slots_.end(), slot);
        return end - begin == 1;
    }

private:
    std::vector<std::uint32_t> slots_;
};

/// Integer additions, minima and bits come out the same in any order; what was there before does
/// not.
bool atomic_shows(const Insn& insn, std::string_view opcode, const Mentions& mentions) {
    if (has_any(opcode, {".shared"})) {
        return false;
    }
    if (has_any(opcode, {".exch", ".cas", ".inc", ".dec", ".f16", ".bf16", ".f32", ".f64"})) {
        return true;
    }
    return opcode.starts_with("atom") && insn.slot[0] != k_no_slot && !mentions.once(insn.slot[0]);
}

bool shows(const Insn& insn, std::string_view opcode, const Mentions& mentions) {
    if (insn.work == Work::atomic) {
        return atomic_shows(insn, opcode, mentions);
    }
    if (opcode.starts_with("ld.") || opcode.starts_with("st.")) {
        return has_any(opcode, {".volatile", ".relaxed", ".acquire", ".release"}) &&
               !has_any(opcode, {".shared", ".local"});
    }
    return opcode.starts_with("cp.reduce");
}

}  // namespace

bool order_shows(const Program& program) {
    const Mentions mentions(program);
    for (std::size_t i = 0; i < program.insns.size(); ++i) {
        const Insn& insn = program.insns[i];
        const Instruction* source = program.source[i];
        if (insn.run == &run_changing_special || insn.run == &run_vprintf ||
            (source != nullptr && shows(insn, source->opcode, mentions))) {
            return true;
        }
    }
    return false;
}

}  // namespace kw::emu
