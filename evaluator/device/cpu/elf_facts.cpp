// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/elf_facts.hpp"

#include <elf.h>

#include <cstring>

namespace kw::cpu {
namespace {

template <class T>
std::optional<T> read_at(std::string_view bytes, std::uint64_t offset) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
        return std::nullopt;
    }
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

std::optional<std::string_view> part(
    std::string_view bytes, std::uint64_t offset, std::uint64_t size) {
    if (offset > bytes.size() || bytes.size() - offset < size) {
        return std::nullopt;
    }
    return bytes.substr(offset, size);
}

std::string name_at(std::string_view names, std::uint64_t offset) {
    if (offset >= names.size()) {
        return {};
    }
    const std::string_view rest = names.substr(offset);
    return std::string(rest.substr(0, rest.find('\0')));
}

void read_symbols(std::string_view table, std::string_view names, ElfFacts& facts) {
    for (std::size_t at = sizeof(Elf64_Sym); at + sizeof(Elf64_Sym) <= table.size();
         at += sizeof(Elf64_Sym)) {
        Elf64_Sym symbol;
        std::memcpy(&symbol, table.data() + at, sizeof symbol);
        std::string name = name_at(names, symbol.st_name);
        if (name.empty()) {
            continue;
        }
        if (symbol.st_shndx != SHN_UNDEF) {
            if (ELF64_ST_TYPE(symbol.st_info) == STT_GNU_IFUNC) {
                facts.resolvers.push_back(name);
            }
            facts.exports.push_back(std::move(name));
        } else if (ELF64_ST_BIND(symbol.st_info) != STB_WEAK) {
            facts.imports.push_back(std::move(name));
        }
    }
}

}  // namespace

std::optional<ElfFacts> elf_facts(std::string_view bytes) {
    const auto header = read_at<Elf64_Ehdr>(bytes, 0);
    if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != ELFDATA2LSB ||
        header->e_shentsize != sizeof(Elf64_Shdr)) {
        return std::nullopt;
    }
    std::vector<Elf64_Shdr> sections;
    for (std::uint64_t i = 0; i < header->e_shnum; ++i) {
        const auto section = read_at<Elf64_Shdr>(bytes, header->e_shoff + i * sizeof(Elf64_Shdr));
        if (!section) {
            return std::nullopt;
        }
        sections.push_back(*section);
    }
    if (header->e_shstrndx >= sections.size()) {
        return std::nullopt;
    }
    const Elf64_Shdr& names_section = sections[header->e_shstrndx];
    const auto names = part(bytes, names_section.sh_offset, names_section.sh_size);
    if (!names) {
        return std::nullopt;
    }
    ElfFacts facts;
    for (const Elf64_Shdr& section : sections) {
        const std::string name = name_at(*names, section.sh_name);
        if (name == ".text") {
            facts.text_bytes = static_cast<std::int64_t>(section.sh_size);
        } else if (section.sh_type == SHT_INIT_ARRAY) {
            facts.load_time_calls = static_cast<std::int64_t>(section.sh_size / 8);
        } else if (section.sh_type == SHT_DYNSYM && section.sh_link < sections.size()) {
            const Elf64_Shdr& strings = sections[section.sh_link];
            const auto table = part(bytes, section.sh_offset, section.sh_size);
            const auto text = part(bytes, strings.sh_offset, strings.sh_size);
            if (!table || !text) {
                return std::nullopt;
            }
            read_symbols(*table, *text, facts);
        }
    }
    return facts;
}

}  // namespace kw::cpu
