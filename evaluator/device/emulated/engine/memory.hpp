// SPDX-License-Identifier: Apache-2.0
// The device's global and constant memory: allocations that the caller owns. Every allocation gets
// a slot of the address space of its own (2^34 bytes), so a pointer says which allocation it was
// made from, and whatever runs over an end is found, however far it goes.
#pragma once

#include "evaluator/device/emulated/engine/syntax.hpp"

#include <memory>
#include <span>

namespace kw::emu {

/// Address layout, generic addresses: bits 34 and up are the slot.
inline constexpr int k_slot_bits = 34;
inline constexpr std::uint64_t k_slot_bytes = std::uint64_t{1} << k_slot_bits;
inline constexpr std::uint64_t k_shared_slot = 1;
inline constexpr std::uint64_t k_local_slot = 2;
inline constexpr std::uint64_t k_param_slot = 3;
inline constexpr std::uint64_t k_first_slot = 16;
/// Where in its slot an allocation begins, so that what lies before it is told from what follows
/// the one before.
inline constexpr std::uint64_t k_slot_lead = std::uint64_t{1} << 32;
inline constexpr std::size_t k_max_allocations = 8192;

enum class Access : std::uint8_t {
    read_only,   ///< a store is a finding
    read_write,  ///<
    output,      ///< as read_write; bytes that no store reached are a finding at the end
};

struct Allocation {
    std::string name;           ///< as findings call it
    std::byte* host = nullptr;  ///< `bytes` of them; outlives the Memory
    std::uint64_t bytes = 0;
    Access access = Access::read_write;
    bool initialised = true;    ///< what is in it at first has a meaning
    std::uint64_t address = 0;  ///< set by add(): generic address of the first byte
    Space space = Space::global;
    /// A byte per byte: not 0 once written. Empty: all of it is initialised.
    std::vector<std::uint8_t> written;
};

class Memory {
public:
    Memory() = default;
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    /// Returns the device address; 0 when there are k_max_allocations already or it does not fit
    /// into a slot.
    std::uint64_t add(Allocation allocation);

    /// The allocation whose slot `address` lies in (perhaps beyond its end), or nullptr.
    [[nodiscard]] Allocation* find(std::uint64_t address) {
        const std::uint64_t slot = (address >> k_slot_bits) - k_first_slot;
        return slot < allocations_.size() ? allocations_[slot].get() : nullptr;
    }
    [[nodiscard]] std::span<const std::unique_ptr<Allocation>> allocations() const {
        return allocations_;
    }

    /// Places the module's .global and .const variables, initialised, once; later calls with the
    /// same module keep what kernels have written. Returns what went wrong (too much data), or "".
    [[nodiscard]] std::string load(const Module& module);

    /// Generic address of Module::globals[symbol] of the module that was loaded last; 0 for .shared
    /// variables.
    [[nodiscard]] std::uint64_t global_address(std::uint32_t symbol) const {
        return symbol < global_addresses_.size() ? global_addresses_[symbol] : 0;
    }

    /// Zeroed memory of 64 bytes that cooperative_groups' grid.sync() counts in; 0: no room.
    [[nodiscard]] std::uint64_t grid_workspace();

private:
    std::vector<std::unique_ptr<Allocation>> allocations_;
    std::vector<std::unique_ptr<std::byte[]>> owned_;
    std::vector<std::uint64_t> global_addresses_;
    const Module* loaded_ = nullptr;
    std::uint64_t workspace_ = 0;
};

}  // namespace kw::emu
