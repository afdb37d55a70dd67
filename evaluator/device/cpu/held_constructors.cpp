// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/held_constructors.hpp"

#include "evaluator/harness/control.hpp"

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <optional>

namespace kw::cpu {
namespace {

/// A T at `offset`, if all of it lies in the object.
template <class T>
std::optional<T> read_at(const std::string& object, std::uint64_t offset) {
    if (offset > object.size() || object.size() - offset < sizeof(T)) {
        return std::nullopt;
    }
    T value;
    std::memcpy(&value, object.data() + offset, sizeof(value));
    return value;
}

std::optional<std::int64_t> held_tag(std::int64_t tag) {
    switch (tag) {
        case DT_INIT: return harness::k_held_init;
        case DT_INIT_ARRAY: return harness::k_held_init_array;
        case DT_INIT_ARRAYSZ: return harness::k_held_init_bytes;
        default: return std::nullopt;
    }
}

void hold_in(std::string& object, std::uint64_t begin, std::uint64_t bytes) {
    for (std::uint64_t at = begin; bytes >= sizeof(Elf64_Dyn);
         at += sizeof(Elf64_Dyn), bytes -= sizeof(Elf64_Dyn)) {
        const auto entry = read_at<Elf64_Dyn>(object, at);
        if (!entry || entry->d_tag == DT_NULL) {
            return;
        }
        if (const auto tag = held_tag(entry->d_tag)) {
            std::memcpy(object.data() + at + offsetof(Elf64_Dyn, d_tag), &*tag, sizeof(*tag));
        }
    }
}

}  // namespace

bool hold_constructors(std::string& object) {
    const auto header = read_at<Elf64_Ehdr>(object, 0);
    if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_type != ET_DYN ||
        header->e_phentsize != sizeof(Elf64_Phdr)) {
        return false;
    }
    bool found = false;
    for (std::uint64_t i = 0; i < header->e_phnum; ++i) {
        const auto segment = read_at<Elf64_Phdr>(object, header->e_phoff + i * sizeof(Elf64_Phdr));
        if (!segment) {
            return false;
        }
        if (segment->p_type == PT_DYNAMIC) {
            hold_in(object, segment->p_offset, segment->p_filesz);
            found = true;
        }
    }
    return found;
}

}  // namespace kw::cpu
