// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/held_constructors.hpp"

#include "evaluator/harness/control.hpp"
#include "tests/support/catch.hpp"

#include <elf.h>

#include <cstring>
#include <vector>

using namespace kw;

namespace {

/// A header, one PT_DYNAMIC segment and these entries: all that a loader would look at.
std::string object_with(const std::vector<std::int64_t>& tags) {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_type = ET_DYN;
    header.e_phoff = sizeof(header);
    header.e_phnum = 1;
    header.e_phentsize = sizeof(Elf64_Phdr);
    Elf64_Phdr segment{};
    segment.p_type = PT_DYNAMIC;
    segment.p_offset = sizeof(header) + sizeof(segment);
    segment.p_filesz = tags.size() * sizeof(Elf64_Dyn);
    std::string object(segment.p_offset + segment.p_filesz, '\0');
    std::memcpy(object.data(), &header, sizeof(header));
    std::memcpy(object.data() + sizeof(header), &segment, sizeof(segment));
    for (std::size_t i = 0; i < tags.size(); ++i) {
        const Elf64_Dyn entry{tags[i], {1000 + i}};
        std::memcpy(object.data() + segment.p_offset + i * sizeof(entry), &entry, sizeof(entry));
    }
    return object;
}

}  // namespace

TEST_CASE("constructors: the loader's entries get names that it does not know", "[judge]") {
    std::string object = object_with({DT_NEEDED, DT_INIT, DT_INIT_ARRAY, DT_INIT_ARRAYSZ, DT_NULL});
    REQUIRE(cpu::hold_constructors(object));
    CHECK(
        object == object_with(
                      {DT_NEEDED,
                       harness::k_held_init,
                       harness::k_held_init_array,
                       harness::k_held_init_bytes,
                       DT_NULL}));
}

TEST_CASE("constructors: bytes that are no object are refused and read within bounds", "[judge]") {
    const std::string good = object_with({DT_INIT, DT_NULL});
    for (std::size_t cut = 0; cut < good.size(); ++cut) {
        std::string bytes = good.substr(0, cut);
        static_cast<void>(cpu::hold_constructors(bytes));
        CHECK(bytes.size() == cut);
    }
    for (std::size_t at = 0; at < good.size(); ++at) {
        for (const char byte : {'\xff', '\x7f', '\x01'}) {
            std::string bytes = good;
            bytes[at] = byte;
            static_cast<void>(cpu::hold_constructors(bytes));
            CHECK(bytes.size() == good.size());
        }
    }
    std::string nothing;
    CHECK_FALSE(cpu::hold_constructors(nothing));
    std::string text = "#!/bin/sh\n";
    CHECK_FALSE(cpu::hold_constructors(text));
}
