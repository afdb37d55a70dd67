// SPDX-License-Identifier: Apache-2.0
// Which block wrote and which read every cell of global memory during one launch. Blocks are not
// ordered, so an access to what another block writes is a race, unless both are atomic or strong,
// or a fence and a strong write of the one came before a strong read of the other (the "last block
// adds up" pattern, grid synchronisation). A plain read against an atomic is a warning: a loop of
// compare-and-swap begins with one. Within a block nothing is checked here. For launches that one
// worker runs; for several there is shadow_concurrent.hpp.
#pragma once

#include "evaluator/device/emulated/engine/memory.hpp"
#include "evaluator/device/emulated/engine/shadow_shared.hpp"

#include <cstdlib>

namespace kw::emu {

/// A block's time for these checks; part of Block.
struct GlobalTime {
    std::uint64_t block = 0;     ///< linear index
    std::uint32_t epoch = 0;     ///< fences that were published
    bool fenced = false;         ///< a fence since the last publication
    std::uint64_t acquired = 0;  ///< sees what was published up to then
};

struct GlobalAccess {
    WarpState* warp = nullptr;
    const Insn* insn = nullptr;
    int lane = 0;
    std::size_t slot = 0;  ///< index of the allocation
    std::uint64_t offset = 0;
    std::uint32_t bytes = 0;
    Order order = Order::plain;
    const GlobalTime* time = nullptr;
};

class GlobalShadow {
public:
    GlobalShadow(const Memory& memory, int granule);

    /// Whether accesses to an allocation have to be told at all: somebody may write it.
    [[nodiscard]] bool watches(std::size_t slot) const { return cells_[slot].write != nullptr; }
    void read(const GlobalAccess& access);
    void write(const GlobalAccess& access, const std::byte* value, const std::byte* memory);
    /// A store where only this block was, `access.bytes` from `access.offset`, whatever lanes it
    /// has. False: nothing is noted.
    [[nodiscard]] bool write_fresh(const GlobalAccess& access);
    /// A strong write (or atomic) of the block; a strong read (or atomic).
    void publish(GlobalTime& time);
    void acquire(GlobalTime& time) const { time.acquired = clock_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
    static constexpr std::uint64_t k_strong = 1;
    static constexpr std::uint64_t k_several = 2;  ///< reads: blocks that are not ordered
    static constexpr int k_insn_shift = 2;
    static constexpr std::uint64_t k_insn_mask = 0xFFFFF;
    static constexpr int k_epoch_shift = 22;
    static constexpr std::uint64_t k_epoch_mask = 0x3FFF;
    static constexpr int k_block_shift = 36;

    struct Free {
        void operator()(std::uint64_t* p) const { std::free(p); }
    };
    /// Pages that nobody touches cost nothing: calloc gives them when they are written.
    struct Cells {
        std::unique_ptr<std::uint64_t, Free> write;
        std::unique_ptr<std::uint64_t, Free> read;  ///< none where nobody may write
    };
    struct Publication {
        std::uint32_t epoch = 0;
        std::uint64_t time = 0;
    };

    [[nodiscard]] std::uint64_t tag(const GlobalAccess& access) const;
    [[nodiscard]] bool ordered(const GlobalAccess& access, std::uint64_t tag) const;
    void check(
        const GlobalAccess& access,
        std::uint64_t cell,
        std::uint64_t tag,
        Hazard hazard,
        bool same) const;

    std::vector<Cells> cells_;
    int granule_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t clock_ = 0;
    std::map<std::uint64_t, std::vector<Publication>> published_;  ///< by block
};

}  // namespace kw::emu
