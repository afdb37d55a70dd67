// SPDX-License-Identifier: Apache-2.0
#include "exporter/isa_level.hpp"

#include "evaluator/device/cpu/machine_isa.hpp"

namespace kw::exporter {

const std::vector<IsaLevel>& isa_levels() {
    const auto level = [](const char* name, const char* suffix, const char* c_name) {
        return IsaLevel{name, suffix, c_name, cpu::machine_flags(name)};
    };
    static const std::vector<IsaLevel> levels{
        level("x86-64-v2", "v2", "KWK_LEVEL_V2"),
        level("x86-64-v3", "v3", "KWK_LEVEL_V3"),
        level("x86-64-v4", "v4", "KWK_LEVEL_V4"),
        // No level of the psABI has the dot products that low precision lives on.
        level("x86-64-v4-vnni", "v4vnni", "KWK_LEVEL_V4_VNNI"),
    };
    return levels;
}

std::vector<IsaLevel> levels_up_to(const std::string& isa) {
    std::vector<IsaLevel> levels;
    for (const IsaLevel& level : isa_levels()) {
        levels.push_back(level);
        if (level.name == isa) {
            break;
        }
    }
    return levels;
}

}  // namespace kw::exporter
