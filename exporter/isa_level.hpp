// SPDX-License-Identifier: Apache-2.0
// The instruction sets that a pack holds code for. library/src/kwk_machine.c finds out at run time
// which of them a processor has.
#pragma once

#include <string>
#include <vector>

namespace kw::exporter {

struct IsaLevel {
    std::string name;                ///< "x86-64-v3": what the judge builds and runs it as
    std::string suffix;              ///< of symbols and files: "v3"
    std::string c_name;              ///< "KWK_LEVEL_V3"
    std::vector<std::string> flags;  ///< of the compiler, the judge's own
};

/// Worst first.
[[nodiscard]] const std::vector<IsaLevel>& isa_levels();

/// Those that a kernel is built for which was accepted for `isa`: none above it.
[[nodiscard]] std::vector<IsaLevel> levels_up_to(const std::string& isa);

}  // namespace kw::exporter
