// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/held_code.hpp"

#include "evaluator/harness/control.hpp"
#include "tests/support/catch.hpp"

#include <elf.h>

#include <cstring>
#include <vector>

using namespace kw;

namespace {

template <class T>
void append(std::string& object, const T& value) {
    object.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

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
    std::string object;
    append(object, header);
    append(object, segment);
    for (std::size_t i = 0; i < tags.size(); ++i) {
        append(object, Elf64_Dyn{tags[i], {1000 + i}});
    }
    return object;
}

/// What of an object the loader's relocations say.
struct Parts {
    Elf64_Word protection = PT_GNU_RELRO;
    std::uint64_t table_info = 0;  ///< of the only entry of DT_RELA
    std::uint64_t plt_info = 0;    ///< of the only entry of DT_JMPREL
    unsigned char symbol_type = STT_FUNC;
    Elf64_Section symbol_section = 1;
};

constexpr std::uint64_t k_load_address = 0x10000;

/// Everything in one PT_LOAD segment, at an address that is not its place in the file.
std::string object_of(const Parts& parts) {
    constexpr std::uint64_t dynamic_at = sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Phdr);
    constexpr std::uint64_t table_at = dynamic_at + 5 * sizeof(Elf64_Dyn);
    constexpr std::uint64_t plt_at = table_at + sizeof(Elf64_Rela);
    constexpr std::uint64_t symbols_at = plt_at + sizeof(Elf64_Rela);
    constexpr std::uint64_t sections_at = symbols_at + sizeof(Elf64_Sym);
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_type = ET_DYN;
    header.e_phoff = sizeof(header);
    header.e_phnum = 3;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_shoff = sections_at;
    header.e_shnum = 1;
    header.e_shentsize = sizeof(Elf64_Shdr);
    Elf64_Phdr load{};
    load.p_type = PT_LOAD;
    load.p_vaddr = k_load_address;
    load.p_filesz = sections_at;
    Elf64_Phdr dynamic{};
    dynamic.p_type = PT_DYNAMIC;
    dynamic.p_offset = dynamic_at;
    dynamic.p_filesz = 5 * sizeof(Elf64_Dyn);
    Elf64_Phdr protection{};
    protection.p_type = parts.protection;
    std::string object;
    append(object, header);
    append(object, load);
    append(object, dynamic);
    append(object, protection);
    append(object, Elf64_Dyn{DT_RELA, {k_load_address + table_at}});
    append(object, Elf64_Dyn{DT_RELASZ, {sizeof(Elf64_Rela)}});
    append(object, Elf64_Dyn{DT_JMPREL, {k_load_address + plt_at}});
    append(object, Elf64_Dyn{DT_PLTRELSZ, {sizeof(Elf64_Rela)}});
    append(object, Elf64_Dyn{DT_NULL, {0}});
    append(object, Elf64_Rela{0x20000, parts.table_info, 0x11000});
    append(object, Elf64_Rela{0x20008, parts.plt_info, 0x11040});
    Elf64_Sym symbol{};
    symbol.st_info = ELF64_ST_INFO(STB_GLOBAL, parts.symbol_type);
    symbol.st_shndx = parts.symbol_section;
    append(object, symbol);
    Elf64_Shdr section{};
    section.sh_type = SHT_DYNSYM;
    section.sh_offset = symbols_at;
    section.sh_size = sizeof(symbol);
    append(object, section);
    return object;
}

}  // namespace

TEST_CASE("held code: the loader's entries get names that it does not know", "[judge]") {
    std::string object = object_with({DT_NEEDED, DT_INIT, DT_INIT_ARRAY, DT_INIT_ARRAYSZ, DT_NULL});
    REQUIRE(cpu::hold_load_time_code(object));
    CHECK(
        object == object_with(
                      {DT_NEEDED,
                       harness::k_held_init,
                       harness::k_held_init_array,
                       harness::k_held_init_bytes,
                       DT_NULL}));
}

TEST_CASE("held code: resolvers are kept from the loader in both tables", "[judge]") {
    for (const bool plt : {false, true}) {
        Parts parts;
        parts.table_info = plt ? ELF64_R_INFO(0, R_X86_64_RELATIVE) : R_X86_64_IRELATIVE;
        parts.plt_info = plt ? R_X86_64_IRELATIVE : ELF64_R_INFO(3, R_X86_64_JUMP_SLOT);
        std::string object = object_of(parts);
        REQUIRE(cpu::hold_load_time_code(object));
        (plt ? parts.plt_info : parts.table_info) = harness::k_held_resolver;
        parts.protection = PT_NULL;  // what they return is written when the loader is done
        CHECK(object == object_of(parts));
    }
}

TEST_CASE("held code: an object without resolvers keeps its protection", "[judge]") {
    Parts parts;
    parts.table_info = ELF64_R_INFO(0, R_X86_64_RELATIVE);
    parts.plt_info = ELF64_R_INFO(3, R_X86_64_JUMP_SLOT);
    std::string object = object_of(parts);
    REQUIRE(cpu::hold_load_time_code(object));
    CHECK(object == object_of(parts));
}

TEST_CASE("held code: an object that exports a function by resolver is refused", "[judge]") {
    Parts parts;
    parts.symbol_type = STT_GNU_IFUNC;
    std::string object = object_of(parts);
    CHECK_FALSE(cpu::hold_load_time_code(object));
    parts.symbol_section = SHN_UNDEF;  // somebody else's function, in libc say
    object = object_of(parts);
    CHECK(cpu::hold_load_time_code(object));
}

TEST_CASE("held code: bytes that are no object are refused and read within bounds", "[judge]") {
    for (const std::string& good :
         {object_with({DT_INIT, DT_NULL}), object_of({PT_GNU_RELRO, R_X86_64_IRELATIVE})}) {
        for (std::size_t cut = 0; cut < good.size(); ++cut) {
            std::string bytes = good.substr(0, cut);
            static_cast<void>(cpu::hold_load_time_code(bytes));
            CHECK(bytes.size() == cut);
        }
        for (std::size_t at = 0; at < good.size(); ++at) {
            for (const char byte : {'\xff', '\x7f', '\x01'}) {
                std::string bytes = good;
                bytes[at] = byte;
                static_cast<void>(cpu::hold_load_time_code(bytes));
                CHECK(bytes.size() == good.size());
            }
        }
    }
    std::string nothing;
    CHECK_FALSE(cpu::hold_load_time_code(nothing));
    std::string text = "#!/bin/sh\n";
    CHECK_FALSE(cpu::hold_load_time_code(text));
}
