// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/program_facts.hpp"

#include "evaluator/device/emulated/engine/ops_control.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

/// The smallest access to shared and to global memory decides what the shadows' cells cover.
void find_granules(Program& program) {
    std::uint32_t shared = 16;
    std::uint32_t global = 16;
    for (std::size_t i = 0; i < program.insns.size(); ++i) {
        if (program.shape_of[i] == 0xFFFFFFFFu) {
            continue;
        }
        const Insn& insn = program.insns[i];
        const std::uint32_t bytes = insn.bytes == 0 ? 1 : insn.bytes;
        const bool both = insn.work != Work::shared && insn.work != Work::global;
        if (insn.work == Work::local || insn.work == Work::constant) {
            continue;
        }
        if (both || insn.work == Work::shared) {
            shared = std::min(shared, bytes);
        }
        if (both || insn.work == Work::global) {
            global = std::min(global, bytes);
        }
    }
    program.shared_granule = __builtin_ctz(shared);
    program.global_granule = __builtin_ctz(global);
}

void find_leaving(Program& program) {
    program.leaving.assign(program.insns.size(), 0);
    for (std::size_t i = program.insns.size(); i-- > 0;) {
        const Insn& insn = program.insns[i];
        if (insn.guarded) {
            continue;
        }
        const bool onward = insn.run == &run_bra && insn.target > i;
        program.leaving[i] =
            insn.run == &run_exit || (onward && program.leaving[insn.target] != 0) ? 1 : 0;
    }
}

}  // namespace

void note_facts(Program& program) {
    find_granules(program);
    find_leaving(program);
    // Handlers of memory classes look at a shape, whatever their rows let pass as an address: there
    // is one, and one more, behind those of the program.
    for (std::uint32_t& shape : program.shape_of) {
        shape = std::min(shape, program.shapes);
    }
}

}  // namespace kw::emu
