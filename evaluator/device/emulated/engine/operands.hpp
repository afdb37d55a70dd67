// SPDX-License-Identifier: Apache-2.0
// The operands of an instruction, flattened and measured: registers of the flat list, constants of
// the width that the handler asks for, special registers.
#pragma once

#include "evaluator/device/emulated/engine/inline.hpp"

#include <unordered_map>

namespace kw::emu {

/// One operand of one instruction before slots are known.
struct Ref {
    enum class Kind : std::uint8_t { reg, constant, special, sink };
    Kind kind = Kind::sink;
    std::uint32_t index = 0;  ///< of the register, constant or special slot
    std::uint8_t bytes = 4;   ///< of a lane: 1 (predicate), 4, 8 or 16
    bool writes = false;
    bool reads = false;  ///< also reads it (only asked where it writes)
    bool negated = false;
};

/// An instruction to put before the one that is being decoded.
struct Hidden {
    bool add = false;  ///< to = from + offset; else: to = the special register
    Special special = Special::clock;
    Ref to;
    Ref from;
    std::int64_t offset = 0;
};

/// The part of a frame that is the same for all warps.
struct FrameBase {
    std::vector<std::byte> bytes;  ///< a multiple of 64
    std::vector<SpecialSlot> specials;
    std::vector<std::uint32_t> constants;  ///< slot by Ref::index
    std::vector<std::uint32_t> special;    ///< the same
};

/// What an instruction does to its first operand.
enum class First : std::uint8_t { reads, writes, updates };

/// 1 (predicate), 4, 8 or 16.
[[nodiscard]] int lane_bytes(const Register& reg);
/// Bytes in the frame: 4, 128, 256 or 512.
[[nodiscard]] int frame_size(int lane_bytes);

/// Whether instructions of a class touch memory: then Width::any also means an address.
[[nodiscard]] bool takes_addresses(Work work);

class Operands {
public:
    Operands(const Module& module, const Memory& memory, const Flat& flat);

    /// Starts an instruction.
    void begin(const Binding& binding, std::uint32_t instance, First first);
    /// Appends the refs of one operand; false: problem() says why not.
    [[nodiscard]] bool add(const Operand& operand, bool first);
    /// Appends the address of a variable, generic, in 8-byte lanes.
    void address(const Operand& operand, std::uint32_t instance);

    [[nodiscard]] const std::string& problem() const { return problem_; }
    [[nodiscard]] const std::vector<Ref>& refs() const { return refs_; }
    [[nodiscard]] const std::vector<Hidden>& hidden() const { return hidden_; }
    [[nodiscard]] std::int64_t offset() const { return offset_; }
    [[nodiscard]] bool wide_base() const { return wide_base_; }
    [[nodiscard]] std::uint32_t memory_operands() const { return memory_operands_; }
    [[nodiscard]] std::uint32_t written() const { return written_; }
    /// Those of the functions, then temporaries.
    [[nodiscard]] const std::vector<Register>& registers() const { return registers_; }
    /// 0xFFFFFFFF: there is no such register.
    [[nodiscard]] std::uint32_t flat_register(std::uint32_t index, std::uint32_t instance) const;
    [[nodiscard]] FrameBase lay_out_constants() const;

private:
    bool fail(std::string message);
    bool scalar(const Operand& operand, Width width, First how);
    bool reg(const Operand& operand, Width width, First how);
    bool special(const Operand& operand, Width width);
    bool immediate(const Operand& operand, Width width);
    bool memory(const Operand& operand);
    [[nodiscard]] std::optional<std::uint64_t> symbol_address(
        const Operand& operand, std::uint32_t instance) const;
    void constant(std::uint64_t bits, int bytes);
    Width next_width();

    const Module& module_;
    const Memory& device_;
    const Flat& flat_;
    const Binding* binding_ = nullptr;
    std::uint32_t instance_ = 0;
    First first_ = First::reads;
    std::size_t width_at_ = 0;
    std::uint32_t written_ = 0;
    std::uint32_t memory_operands_ = 0;
    std::int64_t offset_ = 0;
    bool wide_base_ = false;
    std::string problem_;
    std::vector<Ref> refs_;
    std::vector<Hidden> hidden_;
    std::vector<Register> registers_;
    struct Constant {
        std::uint64_t bits = 0;
        int bytes = 4;
        bool operator==(const Constant&) const = default;
    };
    struct ConstantHash {
        std::size_t operator()(const Constant& c) const {
            return std::hash<std::uint64_t>{}(c.bits * 31 + static_cast<std::uint64_t>(c.bytes));
        }
    };
    std::vector<Constant> constants_;
    std::unordered_map<Constant, std::uint32_t, ConstantHash> constant_index_;
    std::vector<SpecialSlot> specials_;
};

}  // namespace kw::emu
