// SPDX-License-Identifier: Apache-2.0
// Facts for the critic out of the compiler's assembly: which vector instructions, and whether the
// hottest loop spills. Estimates from text, not measurements.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace kw::cpu {

struct AsmFacts {
    /// Class -> count over the whole file: "vfmadd", "vpdpbusd", "vpmaddubsw", "gather", "scalar
    /// fma", ... and the register widths "zmm", "ymm", "xmm" (instructions that name one).
    std::map<std::string, int> instruction_classes;
    /// Memory operands on the stack between the first and the last vector multiply of the innermost
    /// loop with the most of them; -1 when no loop multiplies vectors.
    int stack_references = -1;
    std::string hottest_function;  ///< that holds that loop; mangled as the assembler has it
};

/// `text`: AT&T assembly as g++ and clang++ print it.
[[nodiscard]] AsmFacts asm_facts(std::string_view text);

/// True when the assembly defines the label `symbol:`.
[[nodiscard]] bool defines_symbol(std::string_view text, std::string_view symbol);

}  // namespace kw::cpu
