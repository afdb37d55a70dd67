// SPDX-License-Identifier: Apache-2.0
// SharedShadow's time: segments, what ends them, and which are over for whom.
#include "evaluator/device/emulated/engine/shadow_shared.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

/// Segments between two barriers of all warps that are told apart; then older ones count as over.
constexpr std::size_t k_max_segments = std::size_t{1} << 20;
constexpr std::size_t k_max_published = 4096;

}  // namespace

/// The numbers are used up: everything before is over, for the other blocks of the cluster, too,
/// and only that it was matters.
void SharedShadow::renumber() {
    if (order_ == nullptr) {
        forget();
        return;
    }
    for (SharedShadow* const member : order_->members()) {
        if (member != nullptr) {
            member->forget();
        }
    }
    order_->reset();
}

void SharedShadow::forget() {
    for (std::uint64_t& write : write_) {
        write = write == 0 ? 0 : (write & k_pending) | 1;
    }
    std::fill(read_.begin(), read_.end(), 0);
    std::fill(other_read_.begin(), other_read_.end(), 0);
    std::fill(others_.begin(), others_.end(), OtherCell{});
    last_.fill({});
    segments_.clear();
    published_.clear();
    base_ = 1;
    safe_ = std::uint64_t{1} << k_segment_shift;
    std::fill_n(time_.begin(), warps_, WarpTime{});
    for (std::uint32_t w = 0; w < warps_; ++w) {
        next_segment(w);
    }
}

/// Before anything that begins segments: it may need one for every warp.
void SharedShadow::make_room() {
    if (base_ + segments_.size() + time_.size() > most_segments_) {
        renumber();
    }
}

void SharedShadow::next_segment(std::uint32_t warp) {
    if (segments_.size() >= k_max_segments) {
        base_ += segments_.size();
        segments_.clear();
        safe_ = base_ << k_segment_shift;
        for (std::uint32_t w = 0; w < warps_; ++w) {
            segments_.push_back({w, ++time_[w].clock});
            time_[w].segment = base_ + w;
        }
        return;
    }
    WarpTime& time = time_[warp];
    time.segment = base_ + segments_.size();
    segments_.push_back({warp, ++time.clock});
}

bool SharedShadow::ordered(const SharedAccess& access, std::uint64_t tag) const {
    tag &= ~k_pending;
    if (tag < safe_) {
        return true;
    }
    const std::uint64_t segment = tag >> k_segment_shift;
    const Segment& other = segment_of(tag);
    const WarpTime& mine = time_[access.warp->index];
    if (segment < mine.returned) {
        return true;
    }
    if (other.warp != access.warp->index) {
        return other.clock <= mine.seen[other.warp];
    }
    if (segment < mine.synced) {
        return true;
    }
    const auto self = static_cast<std::size_t>(access.lane);
    if ((tag & k_many) == 0) {
        const std::uint64_t lane = tag & k_lane_mask;
        return lane == self || (!mine.met.empty() && segment < mine.met[self][lane]);
    }
    if (mine.met.empty()) {
        return false;
    }
    // Of a quad it is only known that some of its lanes were there: it counts as over when any of
    // the four has met this one, so that no race is invented.
    for (std::uint64_t q = 0; q < k_lanes / 4; ++q) {
        const auto begin = mine.met[self].begin() + static_cast<std::ptrdiff_t>(4 * q);
        const bool was_there = (tag >> k_quads_shift >> q & 1) != 0;
        if (was_there && q != self / 4 && segment >= *std::max_element(begin, begin + 4)) {
            return false;
        }
    }
    return true;
}

void SharedShadow::warp_barrier(std::uint32_t warp, Lanes lanes) {
    make_room();
    next_segment(warp);
    WarpTime& time = time_[warp];
    if (lanes == k_all_lanes) {
        time.synced = time.segment;
        return;
    }
    time.met.resize(k_lanes);
    std::array<std::uint64_t, k_lanes> joined{};
    for (Lanes left = lanes; left != 0; left &= left - 1) {
        const auto& one = time.met[static_cast<std::size_t>(__builtin_ctz(left))];
        for (std::size_t lane = 0; lane < k_lanes; ++lane) {
            joined[lane] = std::max(joined[lane], one[lane]);
        }
    }
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        joined[lane] = ((lanes >> lane) & 1) != 0 ? time.segment : joined[lane];
    }
    for (Lanes left = lanes; left != 0; left &= left - 1) {
        time.met[static_cast<std::size_t>(__builtin_ctz(left))] = joined;
    }
}

void SharedShadow::block_barrier(std::uint32_t warps, bool all) {
    make_room();
    Clocks joined{};
    for (std::uint32_t w = 0; w < warps_; ++w) {
        if (((warps >> w) & 1) != 0) {
            for (std::uint32_t i = 0; i < warps_; ++i) {
                joined[i] = std::max(joined[i], time_[w].seen[i]);
            }
            joined[w] = std::max(joined[w], time_[w].clock);
        }
    }
    if (all) {
        base_ += segments_.size();
        segments_.clear();
        safe_ = base_ << k_segment_shift;
    }
    for (std::uint32_t w = 0; w < warps_; ++w) {
        const bool met = ((warps >> w) & 1) != 0;
        if (met) {
            time_[w].seen = joined;
        }
        if (met || all) {  // a warp that is gone needs a segment that exists, too
            next_segment(w);
            time_[w].synced = time_[w].segment;
        }
    }
}

void SharedShadow::fence(std::uint32_t warp) {
    make_room();
    WarpTime& time = time_[warp];
    time.fenced = time.seen;
    time.fenced[warp] = time.clock;
    next_segment(warp);
    time.cut = time.segment;
}

void SharedShadow::release(std::uint32_t warp, std::uint64_t key) {
    if (order_ != nullptr) {
        order_->release(rank_, cluster_key(key), time_[warp].cut);
        key = own_key(key);
    }
    if (published_.size() >= k_max_published && !published_.contains(key)) {
        return;
    }
    Clocks& clocks = published_[key];
    for (std::size_t i = 0; i < clocks.size(); ++i) {
        clocks[i] = std::max(clocks[i], time_[warp].fenced[i]);
    }
}

void SharedShadow::acquire(std::uint32_t warp, std::uint64_t key) {
    if (order_ != nullptr) {
        WarpTime& time = time_[warp];
        time.returned = std::max(time.returned, order_->acquire(rank_, cluster_key(key)));
        key = own_key(key);
    }
    const auto found = published_.find(key);
    if (found == published_.end()) {
        return;
    }
    for (std::size_t i = 0; i < found->second.size(); ++i) {
        time_[warp].seen[i] = std::max(time_[warp].seen[i], found->second[i]);
    }
}

}  // namespace kw::emu
