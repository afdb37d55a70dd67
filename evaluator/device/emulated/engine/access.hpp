// SPDX-License-Identifier: Apache-2.0
// From a warp's addresses to host memory, with all checks. Every instruction that touches memory
// goes through here: nothing else turns an address of the kernel into a pointer.
#pragma once

#include "evaluator/device/emulated/engine/block.hpp"

namespace kw::emu {

/// Which memory an instruction names; Insn::mods of the memory family, low bits.
enum class Window : std::uint8_t { generic, global, shared, local, constant, param };

enum class Use : std::uint8_t {
    load,
    store,    ///< the shadows are told by note_stores(), which knows the values
    atomic,   ///< read and written
    copy_to,  ///< cp.async: a store that is told to the shadows later
};

/// Where the lanes of an access lie in host memory.
struct Reach {
    std::byte* base = nullptr;
    const std::uint64_t* at = nullptr;  ///< by lane: distance from base, modulo 2^64
    Lanes lanes = 0;  ///< those that may be touched; others had a defect, which is filed
    AccessShape::Kind kind = AccessShape::Kind::scattered;
    Space space = Space::global;  ///< what the window turned out to be
    bool one_range = false;       ///< all in one allocation
    bool overlapping = false;     ///< two lanes touch the same bytes
    bool mixed = false;           ///< generic lanes in several spaces: `spaces` says which
    /// Of an access to one range: its pattern, and the address of the first lane in its space.
    const AccessShape* shape = nullptr;
    std::uint64_t first = 0;
    std::array<Space, k_lanes> spaces{};
    /// In its space, where somebody watches; of a plain store to one range only after locate().
    std::array<std::uint64_t, k_lanes> address;
    std::array<std::uint64_t, k_lanes> own;  ///< storage for `at` where no shape has it

    void locate() {
        for (std::size_t i = 0; i < k_lanes; ++i) {
            address[i] = first + shape->delta[i];
        }
    }
    [[nodiscard]] std::ptrdiff_t distance(std::size_t lane) const {
        return static_cast<std::ptrdiff_t>(at[lane]);
    }
    [[nodiscard]] std::byte* host(std::size_t lane) const { return base + distance(lane); }
    [[nodiscard]] Space space_of(std::size_t lane) const { return mixed ? spaces[lane] : space; }
};

/// Resolves [slot + Insn::offset] of the lanes in `active` for accesses of `bytes` each (a power of
/// two up to 32), counts requests, sectors and wavefronts, checks and files what is wrong. `which`:
/// of the instruction's memory operands, for its access shape.
void reach(
    WarpState& warp,
    const Insn& insn,
    Lanes active,
    std::uint32_t slot,
    bool wide,
    std::int64_t offset,
    std::uint32_t bytes,
    Window window,
    Use use,
    Order order,
    Reach& out,
    std::uint32_t which = 0);

/// Tells the shadows what a store writes: before it does. `values`: by lane, `bytes` each.
void note_stores(
    WarpState& warp,
    const Insn& insn,
    const Reach& reach,
    std::uint32_t bytes,
    Order order,
    const std::byte (*values)[32]);
/// Whether anybody needs note_stores() for this reach. Tells the shadows of a plain store where
/// nobody else was, as a whole: then nobody does.
[[nodiscard]] bool stores_noted(
    WarpState& warp, const Insn& insn, Reach& reach, std::uint32_t bytes, Order order);

/// One lane's access, for instructions with addresses of their own making (ldmatrix, wmma.load):
/// the host pointer, or nullptr after a finding. No counting.
[[nodiscard]] std::byte* reach_lane(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t address,
    std::uint32_t bytes,
    Window window,
    Use use,
    Order order = Order::plain);
/// Use::store through reach_lane: tells the shadows and stores. False: there was a finding.
bool store_lane(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t address,
    const std::byte* value,
    std::uint32_t bytes,
    Window window);
/// Counts one warp-wide access for reach_lane() users: `address` of each of 32 lanes.
void count_access(
    WarpState& warp,
    const Insn& insn,
    Lanes active,
    const std::uint64_t* address,
    std::uint32_t bytes,
    Space space);

/// What a generic address means; `offset` is the address in that space.
struct Generic {
    Space space = Space::reg;  ///< reg: nothing at all
    std::uint64_t offset = 0;
};
[[nodiscard]] Generic generic_place(std::uint64_t address);

}  // namespace kw::emu
