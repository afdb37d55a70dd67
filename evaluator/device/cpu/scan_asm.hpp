// SPDX-License-Identifier: Apache-2.0
// What an asm template may hold: instructions of a kernel, local labels and alignment. Everything
// that reads a file, encodes bytes by hand, leaves the process or reads a clock is refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kw::cpu {

struct AsmProblem {
    std::string rule;      ///< "asm-directive", "asm-instruction", "asm-obfuscated"
    std::string evidence;  ///< the offending word
};

/// `decoded`: the template's bytes, adjacent literals joined and escapes resolved. Read as GCC
/// reads a template with operands; one without differs only in how it spells registers.
[[nodiscard]] std::optional<AsmProblem> check_asm_template(std::string_view decoded);

}  // namespace kw::cpu
