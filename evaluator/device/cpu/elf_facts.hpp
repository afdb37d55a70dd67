// SPDX-License-Identifier: Apache-2.0
// What a built shared object says of itself: size of its code, names it imports and exports.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kw::cpu {

struct ElfFacts {
    std::int64_t text_bytes = 0;       ///< section .text
    std::int64_t load_time_calls = 0;  ///< entries of .init_array: code that runs at load time
    std::vector<std::string> imports;  ///< undefined dynamic symbols, without weak ones
    std::vector<std::string> exports;  ///< defined dynamic symbols
    std::vector<std::string>
        resolvers;  ///< of them: a loader calls a resolver to find where they are
};

/// Nothing when the bytes are no well-formed 64-bit little-endian ELF object.
[[nodiscard]] std::optional<ElfFacts> elf_facts(std::string_view bytes);

}  // namespace kw::cpu
