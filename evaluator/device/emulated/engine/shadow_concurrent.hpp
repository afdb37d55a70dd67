// SPDX-License-Identifier: Apache-2.0
// The checks of global memory while several workers run the blocks of a launch. It only tells
// whether two blocks may have raced; a run that it doubts is repeated by one worker, whose
// GlobalShadow says what happened. So a cell needs one word, which changes atomically: of two
// accesses that race, one sees the other, however the workers' threads meet. Launches whose strong
// accesses order their blocks never come here (block_order.hpp).
#pragma once

#include "evaluator/device/emulated/engine/memory.hpp"

#include <atomic>
#include <cstdlib>

namespace kw::emu {

class ConcurrentShadow {
public:
    /// Of the linear indices of blocks.
    static constexpr std::uint64_t k_max_blocks = (std::uint64_t{1} << 30) - 2;

    ConcurrentShadow(const Memory& memory, int granule);

    /// Whether accesses to an allocation have to be told at all: somebody may write it.
    [[nodiscard]] bool watches(std::size_t slot) const { return cells_[slot] != nullptr; }
    /// False: perhaps a race. `offset` and `bytes` lie in the allocation.
    [[nodiscard]] bool read(
        std::size_t slot,
        std::uint64_t offset,
        std::uint32_t bytes,
        std::uint64_t block,
        bool strong);
    [[nodiscard]] bool write(
        std::size_t slot,
        std::uint64_t offset,
        std::uint32_t bytes,
        std::uint64_t block,
        bool strong);
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

private:
    struct Free {
        void operator()(std::uint64_t* p) const { std::free(p); }
    };
    /// Pages that nobody touches cost nothing.
    std::vector<std::unique_ptr<std::uint64_t, Free>> cells_;
    std::uint64_t bytes_ = 0;
    int granule_ = 0;
};

}  // namespace kw::emu
