// SPDX-License-Identifier: Apache-2.0
// A kernel and the functions it calls as one list of instructions, with a place for every variable.
// Called functions are copied into their callers; a parameter of the callee is the caller's
// argument, so nothing is moved. Recursion and indirect calls are not supported.
#pragma once

#include "evaluator/device/emulated/engine/program.hpp"

#include <map>

namespace kw::emu {

/// Where a variable lies. Addresses are those of the space; of `param` (of a kernel) generic.
struct Place {
    Space space = Space::reg;  ///< reg: none
    std::uint64_t address = 0;
    std::uint64_t bytes = 0;
};

struct FlatInsn {
    enum class Kind : std::uint8_t {
        plain,
        jump,     ///< `ret` of a called function, or around a guarded call: to `target`
        leave,    ///< `ret` of the kernel, or its end
        vprintf,  ///< `call` of that function
        assertfail,
    };
    Kind kind = Kind::plain;
    bool negate_guard = false;
    const Instruction* source = nullptr;  ///< nullptr for the exit at the end
    std::uint32_t instance = 0;
    std::uint32_t target = 0;  ///< of a jump: index into Flat::insns
};

/// One copy of a function.
struct Instance {
    const Function* function = nullptr;
    std::uint32_t first_register = 0;
    std::vector<std::uint32_t> start;  ///< flat index of each instruction, and of the end
    std::vector<Place> symbols;        ///< as Function::symbols
};

struct Flat {
    std::vector<FlatInsn> insns;
    std::vector<Instance> instances;
    std::vector<Register> registers;                ///< of all instances; names are left empty
    std::map<std::uint32_t, Place> shared_globals;  ///< of Module::globals
    std::vector<Variable> shared_variables;
    std::vector<Variable> local_variables;
    std::uint32_t shared_static = 0;
    std::uint32_t local_bytes = 0;
};

struct FlatResult {
    Flat flat;
    PtxError error;  ///< message empty: fine
};
[[nodiscard]] FlatResult flatten(
    const Module& module, const Function& kernel, const DecodeLimits& limits);

/// Offset of each parameter of a kernel, and the size of all. Nothing when they are larger than
/// 32 KiB.
struct ParameterLayout {
    std::vector<std::uint32_t> offsets;
    std::uint32_t bytes = 0;
};
[[nodiscard]] std::optional<ParameterLayout> parameter_layout(const Function& kernel);

}  // namespace kw::emu
