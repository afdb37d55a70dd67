// SPDX-License-Identifier: Apache-2.0
// What orders accesses of the blocks of a cluster to each other's shared memory: cluster barriers,
// and what one block publishes (mbarriers, atomics) and another takes over. A block counts as one:
// what any of its warps has taken over is over for all of them, so a race may be missed but none is
// invented. Time is the segments of each block's SharedShadow.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

namespace kw::emu {

class SharedShadow;

inline constexpr std::size_t k_most_ranks = 16;

class ClusterOrder {
public:
    /// By block: the first segment that is not yet over.
    using Cuts = std::array<std::uint64_t, k_most_ranks>;

    void reset() {
        seen_ = {};
        published_.clear();
    }
    /// The shadows that count by it, by rank; nullptr: none.
    using Members = std::array<SharedShadow*, k_most_ranks>;
    void join(std::size_t rank, SharedShadow& member) { members_[rank] = &member; }
    [[nodiscard]] const Members& members() const { return members_; }
    /// Whether a segment of block `of` is over for block `by`.
    [[nodiscard]] bool over(std::size_t by, std::size_t of, std::uint64_t segment) const {
        return segment < seen_[by][of];
    }
    /// Block `by` publishes under a key what it knows, and its own segments below `cut`.
    void release(std::size_t by, std::uint64_t key, std::uint64_t cut);
    /// It takes over what was published there. Returns below which of its own segments all were
    /// over for another block that published: they are over for the warp that reads it, too.
    std::uint64_t acquire(std::size_t by, std::uint64_t key);
    /// All blocks have met at a cluster barrier.
    void meet(const Cuts& cuts);

private:
    struct Published {
        Cuts cuts{};
        Cuts returned{};  ///< of a block, as others know it
    };
    Members members_{};
    std::array<Cuts, k_most_ranks> seen_{};
    std::map<std::uint64_t, Published> published_;
};

}  // namespace kw::emu
