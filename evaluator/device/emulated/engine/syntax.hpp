// SPDX-License-Identifier: Apache-2.0
// A PTX module as parse() gives it: names are resolved (nested scopes, register ranges, labels),
// opcodes are still text. What an opcode means is decided later and only for a kernel that is
// launched, so an instruction nobody runs costs nothing. Source: PTX ISA 9.0, chapters 4 to 7.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kw::emu {

/// Where an instruction came from.
struct Location {
    std::int32_t ptx_line = 0;  ///< from 1
    std::int32_t file = 0;      ///< number of a .file directive; 0: no .loc seen
    std::int32_t line = 0;      ///< line in that file
    /// The call that an inlined instruction goes back to, where a person wrote it: outermost end of
    /// the inlined_at chain; the same as file and line when nothing was inlined.
    std::int32_t root_file = 0;
    std::int32_t root_line = 0;
};

/// A malformed module or an instruction that is not supported.
struct PtxError {
    std::int32_t line = 0;    ///< of the PTX, from 1
    std::int32_t column = 0;  ///< from 1; 0: the whole line
    std::string message;
};

enum class Space : std::uint8_t { reg, global, constant, shared, local, param };

/// `kind`: 'p' predicate, 'b' bits, 'u', 's', 'f'.
struct Register {
    std::string name;
    char kind = 'b';
    std::uint8_t bits = 32;  ///< 1 for predicates, else 8, 16, 32, 64 or 128
};

/// An initialised word that holds another symbol's address plus `addend`.
struct Relocation {
    std::uint64_t at = 0;
    std::uint32_t symbol = 0;  ///< index into Module::globals, or functions if `function`
    std::int64_t addend = 0;
    std::uint8_t bytes = 8;
    bool generic = false;
    bool function = false;
};

/// A variable in memory: of the module, of a function (.shared, .local) or a .param.
struct Symbol {
    std::string name;
    Space space = Space::global;
    char kind = 'b';
    std::uint8_t bits = 8;  ///< of one element
    std::uint32_t align = 1;
    std::uint64_t bytes = 0;  ///< 0: .extern without a size (dynamic shared memory)
    bool external = false;
    std::vector<std::byte> initial;  ///< empty, or up to `bytes` of it; the rest is zero
    std::vector<Relocation> relocations;
};

struct Operand {
    enum class Kind : std::uint8_t {
        reg,       ///< `index` into Function::registers; `negated` for !p and -r; `text`: ".b0"
        special,   ///< `text`: "%tid.x", "%laneid", "%clock64"
        integer,   ///< `bits`
        real32,    ///< `bits`: IEEE bits of 0f........
        real64,    ///< `bits`: IEEE bits of 0d................ or of a decimal literal
        global,    ///< address of Module::globals[index], plus `offset`
        local,     ///< address of Function::symbols[index] (.shared, .local, .param), plus `offset`
        label,     ///< `index` of an instruction of this function, or their number (at the end)
        function,  ///< `index` into Module::functions; `text` is its name; a .callprototype too
        vector,    ///< {a,b,c,d}: `parts`
        memory,    ///< [parts[0] + offset]; further parts: [map, {x, y}]
        pair,      ///< p|q: `parts`
        list,      ///< (a, b): `parts`; the results (first operand) or arguments (after the
                   ///< callee) of a call; the labels of a .branchtargets, functions of .calltargets
        sink,      ///< _
    };
    Kind kind = Kind::sink;
    bool negated = false;
    std::uint32_t index = 0;
    std::uint64_t bits = 0;
    std::int64_t offset = 0;
    std::string text;
    std::vector<Operand> parts;
};

struct Guard {
    std::uint32_t reg = 0;
    bool negated = false;
};

struct Instruction {
    std::string opcode;  ///< with all modifiers: "ld.global.nc.v4.u32"
    std::optional<Guard> guard;
    std::vector<Operand> operands;
    Location at;
};

struct Function {
    std::string name;
    bool kernel = false;    ///< .entry
    bool declared = false;  ///< no body: an extern such as vprintf
    std::vector<Register> registers;
    std::vector<Symbol> symbols;  ///< parameters first, then results, then variables of the body
    std::vector<std::uint32_t> params;   ///< indices into `symbols`; .reg parameters of a .func ...
    std::vector<std::uint32_t> results;  ///< ... are not supported and are an error
    std::vector<Instruction> instructions;
    std::optional<std::array<std::uint32_t, 3>> max_threads;       ///< .maxntid
    std::optional<std::array<std::uint32_t, 3>> required_threads;  ///< .reqntid
    std::optional<std::array<std::uint32_t, 3>> required_cluster;  ///< .reqnctapercluster
};

struct Module {
    std::string version;             ///< "9.0"
    std::string target;              ///< "sm_90a"
    std::vector<std::string> files;  ///< by number of .file; [0] is empty
    std::vector<Symbol> globals;     ///< .global, .const and module-wide .shared
    std::vector<Function> functions;
};

struct ParseLimits {
    std::size_t text_bytes = std::size_t{16} << 20;
    std::size_t instructions = 1'000'000;
    std::size_t operands = 4'000'000;
    std::size_t registers = 1'000'000;
    std::size_t symbols = 200'000;  ///< globals, functions, parameters and variables
    std::size_t data_bytes = std::size_t{64} << 20;  ///< of all symbols together
    int depth = 64;                                  ///< nested scopes and vectors
};

struct ParseResult {
    Module module;
    std::vector<PtxError> errors;  ///< empty: the module is whole; at most 20
};

/// Never throws and never reads past `text`, whatever it holds.
[[nodiscard]] ParseResult parse(std::string_view text, const ParseLimits& limits = {});

}  // namespace kw::emu
