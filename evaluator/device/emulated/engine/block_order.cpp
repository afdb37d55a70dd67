// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/block_order.hpp"

#include "evaluator/device/emulated/engine/ops_control.hpp"
#include "evaluator/device/emulated/engine/specials.hpp"

#include <algorithm>
#include <set>
#include <string>

namespace kw::emu {
namespace {

bool has_any(std::string_view opcode, std::initializer_list<std::string_view> parts) {
    return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) {
        return opcode.find(part) != std::string_view::npos;
    });
}

/// Integer additions, minima and bits come out the same in any order, as long as they are all of
/// one kind; what was there before does not.
bool atomic_shows(std::string_view opcode, bool unused) {
    return has_any(opcode, {".exch", ".cas", ".inc", ".dec", ".f16", ".bf16", ".f32", ".f64"}) ||
           !unused;
}

/// "add.u32" of "atom.relaxed.gpu.global.add.u32".
std::string operation(std::string_view opcode) {
    static constexpr std::string_view k_operations[] = {
        ".add", ".min", ".max", ".and", ".or", ".xor"};
    std::string out(opcode.substr(opcode.rfind('.')));
    for (const std::string_view one : k_operations) {
        out += has_any(opcode, {one}) ? one : "";
    }
    return out;
}

bool access_shows(std::string_view opcode) {
    if (opcode.starts_with("ld.") || opcode.starts_with("st.")) {
        return has_any(opcode, {".volatile", ".relaxed", ".acquire", ".release"}) &&
               !has_any(opcode, {".shared", ".local"});
    }
    return opcode.starts_with("cp.reduce");
}

}  // namespace

bool order_shows(const Program& program) {
    std::set<std::string> atomics;
    for (std::size_t i = 0; i < program.insns.size(); ++i) {
        const Insn& insn = program.insns[i];
        if (insn.run == &run_changing_special || insn.run == &run_vprintf) {
            return true;
        }
        if (program.source[i] == nullptr) {
            continue;
        }
        const std::string_view opcode = program.source[i]->opcode;
        if (insn.work != Work::atomic) {
            if (access_shows(opcode)) {
                return true;
            }
        } else if (!has_any(opcode, {".shared"})) {
            atomics.insert(operation(opcode));
            if (atomics.size() > 1 || atomic_shows(opcode, program.unused[i] != 0)) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace kw::emu
