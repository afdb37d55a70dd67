// SPDX-License-Identifier: Apache-2.0
#include "exporter/isa_level.hpp"

namespace kw::exporter {

const std::vector<IsaLevel>& isa_levels() {
    static const std::vector<IsaLevel> levels{
        {"x86-64-v2", "v2", "KWK_LEVEL_V2", {"-march=x86-64-v2"}, "x86-64-v2"},
        {"x86-64-v3", "v3", "KWK_LEVEL_V3", {"-march=x86-64-v3"}, "x86-64-v3"},
        {"x86-64-v4", "v4", "KWK_LEVEL_V4", {"-march=x86-64-v4"}, "x86-64-v4"},
        // No level of the psABI has the dot products that low precision lives on; a kernel that was
        // accepted for the whole machine was accepted with them.
        {"x86-64-v4-vnni",
         "v4vnni",
         "KWK_LEVEL_V4_VNNI",
         {"-march=x86-64-v4", "-mavx512vnni"},
         "native"},
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
