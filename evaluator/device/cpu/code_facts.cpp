// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cpu/code_facts.hpp"

#include "evaluator/device/cpu/build_files.hpp"
#include "evaluator/device/cpu/elf_facts.hpp"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace kw::cpu {
namespace {

constexpr std::int64_t k_most_object_bytes = std::int64_t{256} << 20;

template <class T>
std::optional<T> read_at(std::string_view bytes, std::uint64_t offset) {
    if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) {
        return std::nullopt;
    }
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

std::string name_at(std::string_view bytes, const Elf64_Shdr& strings, std::uint64_t offset) {
    if (offset >= strings.sh_size || strings.sh_offset > bytes.size() ||
        bytes.size() - strings.sh_offset < strings.sh_size) {
        return {};
    }
    const std::string_view rest =
        bytes.substr(strings.sh_offset + offset, strings.sh_size - offset);
    return std::string(rest.substr(0, rest.find('\0')));
}

/// A kernel may call a table of its own "completed.0": crtstuff's is a flag.
bool of_start_files(const std::string& name, std::uint64_t size) {
    constexpr std::uint64_t k_most = 8;
    constexpr std::array k_names{"completed.0", "completed", "__dso_handle", "__TMC_END__"};
    return size <= k_most && std::find(k_names.begin(), k_names.end(), name) != k_names.end();
}

/// Written after loading: read-only-after-relocation and thread-local sections are not.
bool keeps(const Elf64_Shdr& section, const std::string& name) {
    const bool writable = (section.sh_flags & SHF_WRITE) != 0;
    const bool local = (section.sh_flags & SHF_TLS) != 0;
    return writable && !local && (name.starts_with(".data") || name.starts_with(".bss")) &&
           !name.starts_with(".data.rel.ro");
}

}  // namespace

std::vector<std::string> writable_variables(std::string_view object) {
    const auto header = read_at<Elf64_Ehdr>(object, 0);
    if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_shentsize != sizeof(Elf64_Shdr)) {
        return {};
    }
    std::vector<Elf64_Shdr> sections;
    for (std::uint64_t i = 0; i < header->e_shnum; ++i) {
        const auto section = read_at<Elf64_Shdr>(object, header->e_shoff + i * sizeof(Elf64_Shdr));
        if (!section) {
            return {};
        }
        sections.push_back(*section);
    }
    if (header->e_shstrndx >= sections.size()) {
        return {};
    }
    std::vector<std::string> found;
    for (const Elf64_Shdr& table : sections) {
        if (table.sh_type != SHT_SYMTAB || table.sh_link >= sections.size()) {
            continue;
        }
        for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= table.sh_size;
             at += sizeof(Elf64_Sym)) {
            const auto symbol = read_at<Elf64_Sym>(object, table.sh_offset + at);
            if (!symbol || symbol->st_shndx >= sections.size() || symbol->st_size == 0 ||
                ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT) {
                continue;
            }
            const Elf64_Shdr& home = sections[symbol->st_shndx];
            const std::string name = name_at(object, sections[table.sh_link], symbol->st_name);
            if (keeps(home, name_at(object, sections[header->e_shstrndx], home.sh_name)) &&
                !of_start_files(name, symbol->st_size)) {
                found.push_back(name);
            }
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

Result<std::unique_ptr<CodeExaminer>> CodeExaminer::open(const EvaluatorConfig& config) {
    std::unique_ptr<CodeExaminer> examiner(new CodeExaminer);
    KW_TRY_ASSIGN(Toolchain toolchain, find_toolchain(config.compiler));
    KW_TRY_ASSIGN(examiner->sandbox_, sandbox::open_sandbox(config.sandbox_mode));
    examiner->builder_ = std::make_unique<Builder>(
        *examiner->sandbox_, std::move(toolchain), config.cache_dir / "build");
    return examiner;
}

Result<CodeFacts> CodeExaminer::examine(const Task& task, const Candidate& candidate) {
    BuildRequest request;
    request.source = candidate.source;
    request.isa = candidate.isa;
    request.flags = candidate.flags;
    KW_TRY_ASSIGN(const BuildOutcome outcome, builder_->build(task, request));
    CodeFacts facts;
    facts.verdict = outcome.verdict;
    facts.summary = outcome.summary;
    facts.compiler = outcome.facts.compiler;
    if (outcome.verdict != Verdict::accepted) {
        return facts;
    }
    const auto object = read_file(outcome.artifact.shared_object, k_most_object_bytes);
    const auto elf = object ? elf_facts(*object) : std::nullopt;
    if (!elf) {
        return Error{
            Errc::environment,
            "reading the built object " + outcome.artifact.shared_object.string(),
            "remove the cache folder and try again"};
    }
    facts.runs_at_load = elf->load_time_calls > 1;  // one is of the start files
    facts.keeps_state = !writable_variables(*object).empty();
    for (const std::string& name : elf->imports) {
        if (name.starts_with("_Z") || name.starts_with("__cxa_") || name.starts_with("__gxx_")) {
            facts.cxx_imports.push_back(name);
        }
    }
    return facts;
}

}  // namespace kw::cpu
