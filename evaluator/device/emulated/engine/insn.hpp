// SPDX-License-Identifier: Apache-2.0
// A decoded instruction and the registers it works on. A warp's registers are arrays of 32 lanes:
// predicates are one 32-bit mask; 8-, 16- and 32-bit registers have a 4-byte lane (the narrow ones
// keep their value in the low bits, the rest is unspecified), 64-bit ones 8 bytes, 128-bit ones 16.
// Constants and special registers that never change (%tid) are slots filled once a warp.
#pragma once

#include "evaluator/device/emulated/engine/syntax.hpp"

#include <bit>
#include <cstring>
#include <memory>

namespace kw::emu {

using Lanes = std::uint32_t;  ///< a bit per lane
inline constexpr int k_lanes = 32;
inline constexpr Lanes k_all_lanes = 0xFFFFFFFFu;

struct Block;
struct Insn;
struct Warp;

/// Runs one instruction for the lanes in `active` (never empty; the guard is already applied).
using Handler = void (*)(const Insn&, Warp&, Lanes active);

/// What kind of work an instruction is: the counters' classes and the model's terms.
enum class Work : std::uint8_t {
    move,  ///< mov, cvta, selp ...: mostly gone in SASS
    integer,
    multiply_add,  ///< integer and float FMA, f16x2 included
    half,
    convert,
    special,  ///< ex2, rcp, sin ...
    divide,
    double_precision,
    predicate,
    branch,
    barrier,
    warp,    ///< shfl, vote, match, redux
    global,  ///< ld/st/atom by space
    shared,
    local,
    constant,
    generic,
    atomic,
    copy_async,
    matrix,  ///< mma, wmma, wgmma
    other,
    count,
};

/// One decoded instruction. `slot` lists byte offsets into Warp::frame: destinations first, then
/// sources, vectors flattened, in the order of the PTX; a sink is k_no_slot.
struct Insn {
    Handler run = nullptr;
    const std::uint32_t* slot = nullptr;
    std::uint16_t slots = 0;
    std::uint16_t row = 0;  ///< of opcodes.def
    Work work = Work::other;
    std::uint8_t bytes = 0;  ///< memory: bytes of one element
    /// memory: elements; mov: how many of the slots are destinations (the decoder counts them, so
    /// that packing and unpacking differ).
    std::uint8_t vector = 1;
    /// Bit i: slot i lies in 8-byte lanes; of a source predicate instead: it is negated (!p). The
    /// decoder sets it for every family, whatever the widths say.
    std::uint8_t wide = 0;
    std::uint32_t mods = 0;    ///< family's own bits
    std::int64_t offset = 0;   ///< memory: [base + offset]
    std::uint32_t target = 0;  ///< branch: index of the instruction to go to
    std::uint32_t guard = 0;   ///< slot of the guard
    bool guarded = false;
    bool guard_negated = false;
    bool wide_base = false;       ///< memory: the (first) base register lies in 8-byte lanes
    const void* extra = nullptr;  ///< family's own, owned by the Program
    Location at;
};
inline constexpr std::uint32_t k_no_slot = 0xFFFFFFFFu;

/// What handlers that only compute need of a warp. The scheduler's part follows in machine.hpp.
struct Warp {
    std::byte* frame = nullptr;  ///< 64-byte aligned registers, constants, special registers
    Block* block = nullptr;
    std::uint32_t index = 0;      ///< in the block
    Lanes present = k_all_lanes;  ///< lanes that exist (the last warp of a block may be partial)
    Lanes carry = 0;              ///< CC.CF of add.cc, subc, mad.cc ...

    template <class T>
    [[nodiscard]] T* lanes(std::uint32_t slot) {
        static_assert(sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 16);
        return std::assume_aligned<64>(reinterpret_cast<T*>(frame + slot));
    }
    [[nodiscard]] Lanes& predicate(std::uint32_t slot) {
        return *reinterpret_cast<Lanes*>(frame + slot);
    }
};

/// How wide the lane of an operand has to be, so that the decoder can place immediates and refuse
/// registers that do not fit.
enum class Width : std::uint8_t {
    none,       ///< no operand
    predicate,  ///< one mask
    w16,        ///< 4-byte lanes, 16-bit value; an immediate is cut to 16 bits
    w32,
    w64,
    w128,
    any,               ///< as the register is; Insn::wide tells (ld, st, cvt, mov)
    address,           ///< an address in brackets, nothing else; others refuse one, but for `any`
    w32_or_predicate,  ///< bar.red, whose third operand may be left out; a constant is w32
};

/// What a row of opcodes.def binds to: handler, widths of the operands after flattening, class.
struct Binding {
    Handler run = nullptr;
    Work work = Work::other;
    /// One per slot; a shorter list repeats its last entry. Of a pair p|q the second is always a
    /// predicate and takes no entry, so that setp has one list with and without it.
    std::vector<Width> widths;
    bool real_immediates = false;  ///< decimal and 0d literals mean floating point of that width
    std::uint32_t mods = 0;
    std::uint8_t bytes = 0;
    std::uint8_t vector = 1;
    /// How many slots the handler can take; the decoder refuses other counts, because a handler
    /// reads its slots unchecked.
    std::uint16_t slots_min = 0;
    std::uint16_t slots_max = 0xFFFF;
    /// Bit i: slot i may be `_`; the decoder refuses it in every other place.
    std::uint32_t sinks = 0;
};

/// An opcode matched against a row: parts[0] is the base name ("add", "cp"), then one part for each
/// (...) group: the alternative that was taken as the pattern writes it, dot included (".f32"); an
/// optional group that is absent is "". Fixed text (".async") gives no part. has() also takes
/// "f32".
struct Match {
    std::vector<std::string_view> parts;
    [[nodiscard]] std::string_view operator[](std::size_t i) const { return parts[i]; }
    [[nodiscard]] bool has(std::string_view part) const {
        for (const std::string_view p : parts) {
            if (p == part || (p.starts_with('.') && p.substr(1) == part)) {
                return true;
            }
        }
        return false;
    }
};

/// Gives the binding for a matched form; run == nullptr: this combination is not supported.
using Bind = Binding (*)(const Match&);

/// A row of opcodes.def. Pattern: dotted components; (a|b|c) alternatives; a trailing ? makes a
/// component optional: "add(.rn|.rz|.rm|.rp)?(.ftz)?(.sat)?(.f32|.f64)". The base name may be a
/// group: "(and|or|xor)(.b16|.b32)". An alternative may hold several components: "(.to.shared)?".
struct OpcodeRow {
    const char* id;
    const char* pattern;
    Bind bind;
};

/// All rows, in the order of opcodes.def.
[[nodiscard]] const std::vector<OpcodeRow>& opcode_rows();
/// The row and the match for a full opcode, or nothing.
struct Resolved {
    std::uint16_t row = 0;
    Match match;
};
[[nodiscard]] std::optional<Resolved> resolve(std::string_view opcode);
/// Every opcode text a pattern stands for; at most `limit`.
[[nodiscard]] std::vector<std::string> expand(
    std::string_view pattern, std::size_t limit = 100'000);

}  // namespace kw::emu
