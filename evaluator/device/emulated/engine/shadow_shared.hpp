// SPDX-License-Identifier: Apache-2.0
// What is known of every cell of a block's shared memory: who wrote and who read it last, and when.
// Two accesses race unless a barrier orders them: of the block between warps, __syncwarp between
// lanes of one warp. Shuffles and votes order nothing. A cell covers the smallest access of the
// kernel, so neighbours never look like the same place. A plain read against an atomic is a
// warning, and so is a read of what nobody wrote.
//
// Time is counted in segments: what a warp does between two synchronisations. A segment belongs to
// one warp, whose number is part of the segment's, and barriers tell which segments of the others
// are over for it (a vector clock). After a barrier of all warps every older segment is over for
// everybody: the common case is a comparison.
#pragma once

#include "evaluator/device/emulated/engine/access_shape.hpp"
#include "evaluator/device/emulated/engine/cluster_order.hpp"
#include "evaluator/device/emulated/engine/findings.hpp"
#include "evaluator/device/emulated/engine/machine.hpp"

#include <map>

namespace kw::emu {

/// How an access counts for races.
enum class Order : std::uint8_t {
    plain,
    strong,  ///< atomics, .volatile, .relaxed ...: do not race each other
};

/// One lane's access to shared memory, within the block's bytes.
struct SharedAccess {
    WarpState* warp = nullptr;
    const Insn* insn = nullptr;
    int lane = 0;
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
    Order order = Order::plain;
};

/// Whether the instruction that a tag names is an atomic one. A plain read and an atomic write are
/// a race that honest code has: a loop of compare-and-swap begins with a plain read.
[[nodiscard]] inline bool is_atomic(const WarpState& warp, std::uint64_t insn) {
    return warp.code[insn].work == Work::atomic;
}

/// Whether one of two accesses is such a read and the other such a write: `insn` came behind the
/// instruction `other`.
[[nodiscard]] inline bool is_mixed(
    const WarpState& warp, const Insn& insn, Hazard hazard, std::uint64_t other) {
    return hazard == Hazard::read_after_write
               ? is_atomic(warp, other)
               : hazard == Hazard::write_after_read && insn.work == Work::atomic;
}

class SharedShadow {
public:
    static constexpr int k_quads_shift = 7;  ///< of a tag: bit i: some of lanes 4 i to 4 i + 3
    SharedShadow(std::uint32_t bytes, int granule, const Options& options);
    /// What the cells take for so many bytes of shared memory.
    [[nodiscard]] static std::uint64_t bytes_for(std::uint32_t bytes, int granule) {
        return ((std::uint64_t{bytes} >> granule) + 1) * 3 * sizeof(std::uint64_t);
    }

    /// A new block of `warps` warps begins.
    void reset(std::uint32_t warps);
    /// The block is one of several of a cluster. After reset().
    void join(ClusterOrder& order, std::uint32_t rank);
    /// The block is over: what others did to its memory must be, too.
    void retire();

    void read(const SharedAccess& access);
    /// The lanes of one load, each at its offset; `access` has the rest.
    void read(SharedAccess access, Lanes lanes, const std::uint64_t* offsets);
    /// The same, by runs: `first` is the offset of the first active lane.
    void read(SharedAccess access, const AccessShape& shape, std::uint64_t first);
    /// The lanes of one store whose cells nobody has touched since the last barrier of the block,
    /// the common case. False: nothing is noted, each lane has to be told with write().
    [[nodiscard]] bool write(
        const SharedAccess& access, const AccessShape& shape, std::uint64_t first);
    /// `value`, `memory`: what is written and what is there now, to tell harmless races; nullptr:
    /// not known.
    void write(const SharedAccess& access, const std::byte* value, const std::byte* memory);
    /// A copy begins to write, and its data is there. The warp of a bulk copy may be another
    /// block's.
    void write_pending(const SharedAccess& access);
    void arrive(const SharedAccess& access);
    /// Accesses of warps of another block of the cluster; `offset` as for this block's own.
    void read_foreign(const SharedAccess& access);
    void write_foreign(const SharedAccess& access, bool pending = false);

    /// Lanes of one warp have met at a bar.warp.sync. k_all_lanes: all that the warp ever had.
    void warp_barrier(std::uint32_t warp, Lanes lanes);
    /// Bit i: warp i has met the others at a barrier of the block. `all`: nobody else is alive.
    void block_barrier(std::uint32_t warps, bool all);
    /// All threads of the cluster have met: everything before is over for everybody.
    void cluster_barrier() { block_barrier(0xFFFFFFFFu, true); }
    /// A warp's fence: what it did so far may be published by a later strong write.
    void fence(std::uint32_t warp);
    /// A strong write publishes what the warp's last fence covered under a key (an address); a
    /// strong read takes over what was published there.
    void release(std::uint32_t warp, std::uint64_t key);
    void acquire(std::uint32_t warp, std::uint64_t key);
    /// The first segment after all that there are.
    [[nodiscard]] std::uint64_t cut() const;

private:
    // Tag of an access: pending, segment, warp, instruction, quads of lanes, flags, lane. 0: none.
    static constexpr std::uint64_t k_lane_mask = 31;
    static constexpr std::uint64_t k_many = 32;  ///< several lanes of the warp; the lane is one
    static constexpr std::uint64_t k_strong = 64;
    static constexpr std::uint64_t k_quads_mask = std::uint64_t{0xFF} << k_quads_shift;
    static constexpr int k_insn_shift = 15;
    static constexpr std::uint64_t k_insn_mask = 0xFFFFF;
    static constexpr int k_warp_shift = 35;
    static constexpr std::uint64_t k_warp_mask = std::uint64_t{31} << k_warp_shift;
    static constexpr int k_segment_shift = 40;
    static constexpr std::uint64_t k_most_segments = std::uint64_t{1} << 23;
    static constexpr std::uint64_t k_pending = std::uint64_t{1} << 63;
    static constexpr std::uint64_t k_foreign = 1;  ///< written by another block: segment 0

    /// Accesses of other blocks: their segment, instruction, flags, rank.
    struct OtherCell {
        std::uint64_t write = 0;
        std::uint64_t read = 0;
        std::uint64_t other_read = 0;  ///< by another block than `read`
    };
    struct LastForeign {
        std::uint64_t segment = 0;
        SharedAccess access;
    };
    struct Segment {
        std::uint32_t warp = 0;
        std::uint32_t clock = 0;
    };
    using Clocks = std::array<std::uint32_t, 32>;
    struct WarpTime {
        Clocks seen{};    ///< clock of every warp up to which it is over for this one
        Clocks fenced{};  ///< what a strong write publishes
        std::uint32_t clock = 0;
        std::uint64_t segment = 0;
        std::uint64_t synced = 0;  ///< first segment after the last sync of all lanes
        /// By two lanes, once some have met without the others: first segment of the second that
        /// is not over for the first.
        std::vector<std::array<std::uint64_t, k_lanes>> met;
        std::uint64_t cut = 0;       ///< first segment after the last fence
        std::uint64_t returned = 0;  ///< segments below are over, as another block knew
    };

    void read_cell(const SharedAccess& access, std::uint32_t cell, std::uint64_t me);
    void read_lanes(SharedAccess access, const AccessShape& shape, std::uint64_t first);
    /// The tag of an access that lanes of these quads make as one, the access's lane among them.
    [[nodiscard]] std::uint64_t tag_of_many(const SharedAccess& access, std::uint64_t quads) const {
        return tag(access) | k_many | quads << k_quads_shift;
    }
    /// Two accesses of one segment of one warp as one.
    [[nodiscard]] static std::uint64_t joined(std::uint64_t before, std::uint64_t now) {
        return before | (now & (k_quads_mask | k_many)) |
               (((before ^ now) & k_lane_mask) != 0 ? k_many : 0);
    }
    void next_segment(std::uint32_t warp);
    void make_room();
    void renumber();
    void forget();
    [[nodiscard]] const Segment& segment_of(std::uint64_t tag) const {
        return segments_[((tag & ~k_pending) >> k_segment_shift) - base_];
    }
    [[nodiscard]] bool ordered(const SharedAccess& access, std::uint64_t tag) const;
    [[nodiscard]] std::uint64_t tag(const SharedAccess& access) const;
    [[nodiscard]] std::uint64_t base_tag(const SharedAccess& access) const;  ///< without the lane
    void check_read(const SharedAccess& access, std::uint32_t cell, std::uint64_t written);
    void check_write(
        const SharedAccess& access,
        std::uint32_t cell,
        std::uint64_t tag,
        Hazard hazard,
        Severity severity);
    void found(
        const SharedAccess& access,
        std::uint32_t cell,
        std::uint64_t tag,
        Hazard hazard,
        Severity severity);

    // shadow_cluster.cpp
    [[nodiscard]] std::uint64_t cluster_key(std::uint64_t key) const;
    [[nodiscard]] std::uint64_t own_key(std::uint64_t key) const;
    [[nodiscard]] bool foreign(const SharedAccess& access) const;
    [[nodiscard]] std::uint64_t foreign_tag(const SharedAccess& access) const;
    /// Whether an access of this block is over for another one, and one of another for block
    /// `rank`.
    [[nodiscard]] bool over_for(std::uint32_t rank, std::uint64_t tag) const;
    [[nodiscard]] bool foreign_over(std::uint32_t rank, std::uint64_t tag) const;
    void note_foreign(const SharedAccess& access);
    /// This block's own access against what others did.
    void check_others(const SharedAccess& access, bool writes);
    void found_foreign(
        const SharedAccess& access, std::uint32_t cell, std::uint64_t tag, Hazard hazard);
    void report_retired(const SharedAccess& access);

    // A cell: who wrote it last, who read it last, and who did before that of another warp or,
    // where there is none, in another segment of this one; both recent.
    std::vector<std::uint64_t> write_;
    std::vector<std::uint64_t> read_;
    std::vector<std::uint64_t> other_read_;
    std::vector<OtherCell> others_;  ///< empty until another block comes
    std::array<LastForeign, k_most_ranks> last_{};
    ClusterOrder* order_ = nullptr;  ///< nullptr: the block is alone
    std::uint32_t rank_ = 0;
    bool retired_ = false;
    std::vector<Segment> segments_;  ///< from base_ on
    std::uint64_t base_ = 1;
    std::uint64_t safe_ = 0;  ///< tags below are over for every warp
    std::array<WarpTime, 32> time_{};
    std::uint32_t warps_ = 0;
    std::map<std::uint64_t, Clocks> published_;
    std::uint64_t most_segments_ = k_most_segments;  ///< numbered before they begin anew
    int granule_ = 0;
    bool races_ = false;
    bool initialised_ = false;
};

}  // namespace kw::emu
