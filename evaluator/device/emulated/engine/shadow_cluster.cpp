// SPDX-License-Identifier: Apache-2.0
// SharedShadow in a cluster: what other blocks do to this block's shared memory.
#include "evaluator/device/emulated/engine/access_notes.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

constexpr std::size_t k_max_published = 4096;
constexpr std::uint64_t k_inside = (std::uint64_t{1} << k_rank_shift) - 1;

}  // namespace

void ClusterOrder::release(std::size_t by, std::uint64_t key, std::uint64_t cut) {
    if (published_.size() >= k_max_published && !published_.contains(key)) {
        return;
    }
    Published& there = published_[key];
    there.cuts[by] = std::max(there.cuts[by], cut);
    for (std::size_t i = 0; i < k_most_ranks; ++i) {
        if (i != by) {
            there.cuts[i] = std::max(there.cuts[i], seen_[by][i]);
            there.returned[i] = std::max(there.returned[i], seen_[by][i]);
        }
    }
}

std::uint64_t ClusterOrder::acquire(std::size_t by, std::uint64_t key) {
    const auto found = published_.find(key);
    if (found == published_.end()) {
        return 0;
    }
    for (std::size_t i = 0; i < k_most_ranks; ++i) {
        if (i != by) {
            seen_[by][i] = std::max(seen_[by][i], found->second.cuts[i]);
        }
    }
    return found->second.returned[by];
}

void ClusterOrder::meet(const Cuts& cuts) {
    for (Cuts& seen : seen_) {
        for (std::size_t i = 0; i < k_most_ranks; ++i) {
            seen[i] = std::max(seen[i], cuts[i]);
        }
    }
}

std::uint64_t SharedShadow::cluster_key(std::uint64_t key) const {
    return (key >> k_rank_shift) == 0 ? (std::uint64_t{rank_} + 1) << k_rank_shift | key : key;
}

std::uint64_t SharedShadow::own_key(std::uint64_t key) const {
    return (key >> k_rank_shift) == std::uint64_t{rank_} + 1 ? key & k_inside : key;
}

bool SharedShadow::foreign(const SharedAccess& access) const {
    return access.warp->block->shadow.get() != this;
}

std::uint64_t SharedShadow::foreign_tag(const SharedAccess& access) const {
    const SharedShadow& home = *access.warp->block->shadow;
    return (home.tag(access) & ~(k_lane_mask | k_many | k_quads_mask)) | home.rank_;
}

bool SharedShadow::over_for(std::uint32_t rank, std::uint64_t tag) const {
    const std::uint64_t segment = (tag & ~k_pending) >> k_segment_shift;
    return segment == 0 || order_->over(rank, rank_, segment);
}

bool SharedShadow::foreign_over(std::uint32_t rank, std::uint64_t tag) const {
    const std::uint64_t by = tag & k_lane_mask;
    return tag == 0 || by == rank || order_->over(rank, by, tag >> k_segment_shift);
}

void SharedShadow::found_foreign(
    const SharedAccess& access, std::uint32_t cell, std::uint64_t tag, Hazard hazard) {
    if (!races_ || (access.order == Order::strong && (tag & k_strong) != 0)) {
        return;
    }
    const std::uint64_t other = (tag >> k_insn_shift) & k_insn_mask;
    const bool mixed = is_mixed(*access.warp, *access.insn, hazard, other);
    Defect defect;
    defect.kind = FindingKind::shared_race;
    defect.severity = mixed ? Severity::warning : Severity::error;
    defect.hazard = hazard;
    defect.space = Space::shared;
    defect.write = hazard != Hazard::read_after_write;
    defect.bytes = access.bytes;
    defect.address = std::max<std::uint64_t>(std::uint64_t{cell} << granule_, access.offset);
    defect.other_insn = static_cast<std::uint32_t>(other);
    defect.detail = mixed ? "a plain read and an atomic write of another block: it may see either"
                          : "nothing orders the two blocks of the cluster";
    report(*access.warp, *access.insn, access.lane, defect);
}

void SharedShadow::note_foreign(const SharedAccess& access) {
    if (others_.empty()) {
        others_.resize(write_.size());
    }
    const std::uint64_t me = foreign_tag(access);
    const std::size_t by = me & k_lane_mask;
    last_[by] = {me >> k_segment_shift, access};
    if (retired_) {
        report_retired(access);
    }
}

void SharedShadow::read_foreign(const SharedAccess& access) {
    note_foreign(access);
    const std::uint64_t me = foreign_tag(access);
    const auto by = static_cast<std::uint32_t>(me & k_lane_mask);
    const std::uint32_t last = (access.offset + access.bytes - 1) >> granule_;
    for (std::uint32_t i = access.offset >> granule_; i <= last; ++i) {
        const std::uint64_t written = write_[i];
        OtherCell& other = others_[i];
        if (written == 0 || (written & k_pending) != 0) {
            check_read(access, i, written);
        } else if (!over_for(by, written)) {
            found_foreign(access, i, written, Hazard::read_after_write);
        }
        if (!foreign_over(by, other.write)) {
            found_foreign(access, i, other.write, Hazard::read_after_write);
        }
        if (other.read != 0 && (other.read & k_lane_mask) != by) {
            other.other_read = other.read;
        }
        other.read = me;
    }
}

void SharedShadow::write_foreign(const SharedAccess& access, bool pending) {
    note_foreign(access);
    const std::uint64_t me = foreign_tag(access);
    const auto by = static_cast<std::uint32_t>(me & k_lane_mask);
    const std::uint32_t last = (access.offset + access.bytes - 1) >> granule_;
    for (std::uint32_t i = access.offset >> granule_; i <= last; ++i) {
        OtherCell& other = others_[i];
        if (!over_for(by, write_[i])) {
            found_foreign(access, i, write_[i], Hazard::write_after_write);
        }
        for (const std::uint64_t read : {read_[i], other_read_[i]}) {
            if (!over_for(by, read)) {
                found_foreign(access, i, read, Hazard::write_after_read);
            }
        }
        if (!foreign_over(by, other.write)) {
            found_foreign(access, i, other.write, Hazard::write_after_write);
        }
        for (const std::uint64_t read : {other.read, other.other_read}) {
            if (!foreign_over(by, read)) {
                found_foreign(access, i, read, Hazard::write_after_read);
            }
        }
        other.write = me;
        write_[i] = k_foreign | (me & (k_insn_mask << k_insn_shift)) | (pending ? k_pending : 0);
    }
}

void SharedShadow::check_others(const SharedAccess& access, bool writes) {
    const std::uint32_t last = (access.offset + access.bytes - 1) >> granule_;
    for (std::uint32_t i = access.offset >> granule_; i <= last; ++i) {
        const OtherCell& other = others_[i];
        if (!foreign_over(rank_, other.write)) {
            found_foreign(
                access,
                i,
                other.write,
                writes ? Hazard::write_after_write : Hazard::read_after_write);
        }
        for (const std::uint64_t read : {other.read, other.other_read}) {
            if (writes && !foreign_over(rank_, read)) {
                found_foreign(access, i, read, Hazard::write_after_read);
            }
        }
    }
}

std::uint64_t SharedShadow::cut() const {
    return base_ + segments_.size();
}

void SharedShadow::report_retired(const SharedAccess& access) {
    if (!races_) {
        return;
    }
    Defect defect;
    defect.kind = FindingKind::shared_race;
    defect.space = Space::shared;
    defect.bytes = access.bytes;
    defect.address = access.offset;
    defect.detail = "the block whose memory it is may have returned: nothing makes it wait";
    report(*access.warp, *access.insn, access.lane, defect);
}

void SharedShadow::retire() {
    retired_ = true;
    for (std::size_t by = 0; order_ != nullptr && by < last_.size(); ++by) {
        if (last_[by].segment != 0 && !order_->over(rank_, by, last_[by].segment)) {
            report_retired(last_[by].access);
        }
    }
}

void SharedShadow::join(ClusterOrder& order, std::uint32_t rank) {
    order_ = &order;
    rank_ = rank;
    order.join(rank, *this);
}

}  // namespace kw::emu
