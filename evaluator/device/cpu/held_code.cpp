// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/held_code.hpp"

#include "evaluator/harness/control.hpp"

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

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

template <class T>
void write_at(std::string& object, std::uint64_t offset, const T& value) {
    std::memcpy(object.data() + offset, &value, sizeof(value));
}

std::optional<std::int64_t> held_tag(std::int64_t tag) {
    switch (tag) {
        case DT_INIT: return harness::k_held_init;
        case DT_INIT_ARRAY: return harness::k_held_init_array;
        case DT_INIT_ARRAYSZ: return harness::k_held_init_bytes;
        default: return std::nullopt;
    }
}

/// The two tables of relocations, as addresses in the loaded object.
struct Relocations {
    std::uint64_t address = 0, bytes = 0;
    std::uint64_t plt_address = 0, plt_bytes = 0;
};

class Holder {
public:
    explicit Holder(std::string& object)
        : object_(object) {}

    bool run() {
        if (!read_segments() || exports_resolvers()) {
            return false;
        }
        bool dynamic = false;
        for (const Elf64_Phdr& segment : segments_) {
            if (segment.p_type == PT_DYNAMIC) {
                dynamic = true;
                hold_constructors(segment.p_offset, segment.p_filesz);
            }
        }
        const bool held = hold_resolvers(relocations_.address, relocations_.bytes);
        if (hold_resolvers(relocations_.plt_address, relocations_.plt_bytes) || held) {
            unprotect();
        }
        return dynamic;
    }

private:
    bool read_segments() {
        const auto header = read_at<Elf64_Ehdr>(object_, 0);
        if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
            header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_type != ET_DYN ||
            header->e_phentsize != sizeof(Elf64_Phdr)) {
            return false;
        }
        header_ = *header;
        for (std::uint64_t i = 0; i < header_.e_phnum; ++i) {
            const auto segment = read_at<Elf64_Phdr>(object_, place_of_segment(i));
            if (!segment) {
                return false;
            }
            segments_.push_back(*segment);
        }
        return true;
    }

    [[nodiscard]] std::uint64_t place_of_segment(std::uint64_t i) const {
        return header_.e_phoff + i * sizeof(Elf64_Phdr);
    }

    /// Where in the file an address of the loaded object lies.
    [[nodiscard]] std::optional<std::uint64_t> place_of(std::uint64_t address) const {
        for (const Elf64_Phdr& segment : segments_) {
            if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
                address - segment.p_vaddr < segment.p_filesz) {
                return segment.p_offset + (address - segment.p_vaddr);
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] bool exports_resolvers() const {
        for (std::uint64_t i = 0; i < header_.e_shnum; ++i) {
            const auto section =
                read_at<Elf64_Shdr>(object_, header_.e_shoff + i * sizeof(Elf64_Shdr));
            if (!section || section->sh_type != SHT_DYNSYM) {
                continue;
            }
            for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= section->sh_size;
                 at += sizeof(Elf64_Sym)) {
                const auto symbol = read_at<Elf64_Sym>(object_, section->sh_offset + at);
                if (!symbol) {
                    break;
                }
                if (symbol->st_shndx != SHN_UNDEF &&
                    ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC) {
                    return true;
                }
            }
        }
        return false;
    }

    void hold_constructors(std::uint64_t begin, std::uint64_t bytes) {
        for (std::uint64_t at = begin; bytes >= sizeof(Elf64_Dyn);
             at += sizeof(Elf64_Dyn), bytes -= sizeof(Elf64_Dyn)) {
            const auto entry = read_at<Elf64_Dyn>(object_, at);
            if (!entry || entry->d_tag == DT_NULL) {
                return;
            }
            if (const auto tag = held_tag(entry->d_tag)) {
                write_at(object_, at + offsetof(Elf64_Dyn, d_tag), *tag);
            }
            note(*entry);
        }
    }

    void note(const Elf64_Dyn& entry) {
        switch (entry.d_tag) {
            case DT_RELA: relocations_.address = entry.d_un.d_ptr; break;
            case DT_RELASZ: relocations_.bytes = entry.d_un.d_val; break;
            case DT_JMPREL: relocations_.plt_address = entry.d_un.d_ptr; break;
            case DT_PLTRELSZ: relocations_.plt_bytes = entry.d_un.d_val; break;
            default: break;
        }
    }

    /// True when there was one.
    bool hold_resolvers(std::uint64_t address, std::uint64_t bytes) {
        const auto place = place_of(address);
        bool held = false;
        for (std::uint64_t at = 0; place && at + sizeof(Elf64_Rela) <= bytes;
             at += sizeof(Elf64_Rela)) {
            const auto entry = read_at<Elf64_Rela>(object_, *place + at);
            if (!entry) {
                break;
            }
            if (ELF64_R_TYPE(entry->r_info) == R_X86_64_IRELATIVE) {
                write_at(
                    object_, *place + at + offsetof(Elf64_Rela, r_info), harness::k_held_resolver);
                held = true;
            }
        }
        return held;
    }

    void unprotect() {
        for (std::size_t i = 0; i < segments_.size(); ++i) {
            if (segments_[i].p_type == PT_GNU_RELRO) {
                const Elf64_Word nothing = PT_NULL;
                write_at(object_, place_of_segment(i) + offsetof(Elf64_Phdr, p_type), nothing);
            }
        }
    }

    std::string& object_;
    Elf64_Ehdr header_{};
    std::vector<Elf64_Phdr> segments_;
    Relocations relocations_;
};

}  // namespace

bool hold_load_time_code(std::string& object) {
    return Holder(object).run();
}

}  // namespace kw::cpu
