// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/shadow_shared.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

/// Cells that one run of lanes touches: `lane_shift` is the binary logarithm of cells a lane.
struct CellRun {
    std::uint64_t me = 0;  ///< the access's tag, without the lane
    std::uint64_t lane = 0;
    std::size_t cells = 0;
    int lane_shift = 0;
    std::int64_t safe = 0;

    [[nodiscard]] std::uint64_t tag(std::size_t cell) const {
        const std::uint64_t at = lane + (cell >> lane_shift);
        return me | at | std::uint64_t{1} << (SharedShadow::k_quads_shift + at / 4);
    }
};

/// Whether no cell was written since, or never, so that nothing speaks against reading. Signed: a
/// copy in flight has the highest bit.
KW_CLONES bool nothing_to_say(const std::uint64_t* write, const CellRun& run) {
    std::int64_t bad = 0;
    for (std::size_t i = 0; i < run.cells; ++i) {
        const auto written = static_cast<std::int64_t>(write[i]);
        bad |= (written <= 0 ? -1 : 0) | (written >= run.safe ? -1 : 0);
    }
    return bad == 0;
}

/// As SharedShadow::read_cell() does for one; `masks`: parts of a tag.
struct TagMasks {
    std::uint64_t warp = 0;
    std::uint64_t joins = 0;
    int warp_shift = 0;
};
KW_CLONES void note_read(
    std::uint64_t* read, std::uint64_t* other, const CellRun& run, const TagMasks masks) {
    for (std::size_t i = 0; i < run.cells; ++i) {
        const std::uint64_t me = run.tag(i);
        const std::uint64_t before = read[i];
        const std::uint64_t differs = before ^ me;
        const bool mine = (differs >> masks.warp_shift) == 0;
        const bool recent = static_cast<std::int64_t>(before) >= run.safe;
        const bool free = static_cast<std::int64_t>(other[i]) < run.safe;
        const bool keep = recent && !mine && (free || (differs & masks.warp) != 0);
        other[i] = keep ? before : other[i];
        const std::uint64_t many = (differs & 31) != 0 ? 32 : 0;
        read[i] = mine ? before | (me & masks.joins) | many : me;
    }
}

/// Whether no cell was written or read since the last barrier.
KW_CLONES bool untouched(
    const std::uint64_t* write, const std::uint64_t* read, const CellRun& run) {
    std::int64_t bad = 0;
    for (std::size_t i = 0; i < run.cells; ++i) {
        const auto written = static_cast<std::int64_t>(write[i]);
        bad |= (written < 0 ? -1 : 0) | (written >= run.safe ? -1 : 0) |
               (static_cast<std::int64_t>(read[i]) >= run.safe ? -1 : 0);
    }
    return bad == 0;
}

KW_CLONES void note_write(std::uint64_t* write, const CellRun& run) {
    for (std::size_t i = 0; i < run.cells; ++i) {
        write[i] = run.tag(i);
    }
}

}  // namespace

SharedShadow::SharedShadow(std::uint32_t bytes, int granule, const Options& options)
    : write_((bytes >> granule) + 1)
    , read_(write_.size())
    , other_read_(write_.size())
    , most_segments_(std::min(options.most_segments, k_most_segments))
    , granule_(granule)
    , races_(options.checks.races)
    , initialised_(options.checks.initialised) {}

void SharedShadow::reset(std::uint32_t warps) {
    for (auto* cells : {&write_, &read_, &other_read_}) {
        std::fill(cells->begin(), cells->end(), 0);
    }
    others_.clear();
    last_.fill({});
    order_ = nullptr;
    retired_ = false;
    segments_.clear();
    published_.clear();
    base_ = 1;
    safe_ = std::uint64_t{1} << k_segment_shift;
    warps_ = std::min<std::uint32_t>(warps, 32);
    std::fill_n(time_.begin(), warps_, WarpTime{});
    for (std::uint32_t w = 0; w < warps_; ++w) {
        next_segment(w);
    }
}

std::uint64_t SharedShadow::base_tag(const SharedAccess& access) const {
    const std::uint64_t insn = access.warp->index_of(*access.insn) & k_insn_mask;
    const std::uint64_t warp = access.warp->index;
    return (time_[warp].segment << k_segment_shift) | (warp << k_warp_shift) |
           (insn << k_insn_shift) | (access.order == Order::strong ? k_strong : 0);
}

std::uint64_t SharedShadow::tag(const SharedAccess& access) const {
    const auto lane = static_cast<std::uint64_t>(access.lane);
    return base_tag(access) | lane | std::uint64_t{1} << (k_quads_shift + lane / 4);
}

void SharedShadow::found(
    const SharedAccess& access,
    std::uint32_t cell,
    std::uint64_t tag,
    Hazard hazard,
    Severity severity) {
    Defect defect;
    defect.kind = FindingKind::shared_race;
    defect.severity = severity;
    defect.hazard = hazard;
    defect.space = Space::shared;
    defect.write = hazard != Hazard::read_after_write;
    defect.bytes = access.bytes;
    defect.address = std::max<std::uint64_t>(std::uint64_t{cell} << granule_, access.offset);
    defect.other_insn = static_cast<std::uint32_t>((tag >> k_insn_shift) & k_insn_mask);
    const bool same_warp = (tag & k_warp_mask) >> k_warp_shift == access.warp->index;
    defect.detail = severity == Severity::information ? "both write the same value"
                    : severity == Severity::warning
                        ? "a plain read and an atomic write: it may see either value"
                    : same_warp ? "both in one warp without __syncwarp between"
                                : "no barrier between the two warps";
    report(*access.warp, *access.insn, access.lane, defect);
}

void SharedShadow::check_read(
    const SharedAccess& access, std::uint32_t cell, std::uint64_t written) {
    Defect defect;
    defect.space = Space::shared;
    defect.bytes = access.bytes;
    defect.address = std::max<std::uint64_t>(std::uint64_t{cell} << granule_, access.offset);
    if (written == 0) {
        if (initialised_) {
            defect.kind = FindingKind::uninitialised_read;
            // The value may not matter; where it does, other poison tells.
            defect.severity = Severity::warning;
            report(*access.warp, *access.insn, access.lane, defect);
        }
        return;
    }
    if ((written & k_pending) != 0) {
        defect.kind = FindingKind::async_copy_not_waited;
        defect.other_insn = static_cast<std::uint32_t>((written >> k_insn_shift) & k_insn_mask);
        defect.detail = "nobody has waited for that copy";
        report(*access.warp, *access.insn, access.lane, defect);
        return;
    }
    const bool both_strong = access.order == Order::strong && (written & k_strong) != 0;
    if (races_ && !both_strong && !ordered(access, written)) {
        const bool atomic_write = is_atomic(*access.warp, (written >> k_insn_shift) & k_insn_mask);
        found(
            access,
            cell,
            written,
            Hazard::read_after_write,
            atomic_write ? Severity::warning : Severity::error);
    }
}

inline void SharedShadow::read_cell(
    const SharedAccess& access, std::uint32_t index, std::uint64_t me) {
    if (write_[index] - 1 >= safe_ - 1) [[unlikely]] {  // also 0: never written
        check_read(access, index, write_[index]);
    }
    std::uint64_t& read = read_[index];
    if (((read ^ me) >> k_warp_shift) == 0) {
        read = joined(read, me);
        return;
    }
    if (read >= safe_ && (other_read_[index] < safe_ || ((read ^ me) & k_warp_mask) != 0)) {
        other_read_[index] = read;
    }
    read = me;
}

void SharedShadow::read(const SharedAccess& access) {
    if (!others_.empty()) [[unlikely]] {
        check_others(access, false);
    }
    const std::uint64_t me = tag(access);
    const std::uint32_t last = (access.offset + access.bytes - 1) >> granule_;
    for (std::uint32_t i = access.offset >> granule_; i <= last; ++i) {
        read_cell(access, i, me);
    }
}

void SharedShadow::read(SharedAccess access, Lanes lanes, const std::uint64_t* offsets) {
    while (lanes != 0) {
        access.lane = __builtin_ctz(lanes);
        const std::uint64_t offset = offsets[access.lane];
        access.offset = static_cast<std::uint32_t>(offset);
        std::uint64_t me = tag(access);
        // Neighbours at one place.
        for (lanes &= lanes - 1; lanes != 0 && offsets[__builtin_ctz(lanes)] == offset;
             lanes &= lanes - 1) {
            me |= k_many | std::uint64_t{1} << (k_quads_shift + __builtin_ctz(lanes) / 4);
        }
        if (!others_.empty()) [[unlikely]] {
            check_others(access, false);
        }
        const auto last = static_cast<std::uint32_t>((offset + access.bytes - 1) >> granule_);
        for (auto i = static_cast<std::uint32_t>(offset >> granule_); i <= last; ++i) {
            read_cell(access, i, me);
        }
    }
}

void SharedShadow::read(SharedAccess access, const AccessShape& shape, std::uint64_t first) {
    if (!others_.empty()) [[unlikely]] {
        read_lanes(access, shape, first);
        return;
    }
    const std::size_t each = std::max<std::size_t>(1, access.bytes >> granule_);  // cells a lane
    const std::uint64_t me = base_tag(access);
    for (std::uint32_t r = 0; r < shape.runs; ++r) {
        const AccessRun& run = shape.run[r];
        const std::uint64_t offset = first + run.delta;
        const auto begin = static_cast<std::uint32_t>(offset >> granule_);
        const bool many = run.uniform && run.lanes > 1;
        const CellRun cells{
            me | (many ? k_many | std::uint64_t{run.quads} << k_quads_shift : 0),
            run.lane,
            run.uniform ? each : each * run.lanes,
            run.uniform ? 63 : __builtin_ctzll(each),
            static_cast<std::int64_t>(safe_)};
        // A run at the place of the lane before it has that lane's findings.
        if (run.again || nothing_to_say(&write_[begin], cells)) [[likely]] {
            note_read(
                &read_[begin],
                &other_read_[begin],
                cells,
                {k_warp_mask, k_quads_mask | k_many, k_warp_shift});
            continue;
        }
        for (std::size_t i = 0; i < cells.cells; ++i) {
            const std::uint64_t lane = i >> cells.lane_shift;
            access.lane = static_cast<int>(run.lane + lane);
            access.offset = static_cast<std::uint32_t>(offset + lane * access.bytes);
            read_cell(access, begin + static_cast<std::uint32_t>(i), cells.tag(i));
        }
    }
}

/// Other blocks were here: lane by lane, but for those of one address.
void SharedShadow::read_lanes(SharedAccess access, const AccessShape& shape, std::uint64_t first) {
    for (std::uint32_t r = 0; r < shape.runs; ++r) {
        const AccessRun& run = shape.run[r];
        const std::uint32_t lanes = run.uniform ? 1 : run.lanes;
        access.offset = static_cast<std::uint32_t>(first + run.delta);
        for (std::uint32_t i = 0; i < lanes; ++i, access.offset += access.bytes) {
            access.lane = static_cast<int>(run.lane + i);
            read(access);
        }
        if (run.uniform) {
            access.lane = run.lane;
            const std::uint64_t me = tag_of_many(access, run.quads);
            const std::size_t begin = (first + run.delta) >> granule_;
            const std::size_t each = std::max<std::size_t>(1, access.bytes >> granule_);
            for (std::size_t i = begin; i < begin + each; ++i) {
                read_[i] = joined(read_[i], me);
            }
        }
    }
}

bool SharedShadow::write(
    const SharedAccess& access, const AccessShape& shape, std::uint64_t first) {
    // The lanes of one store at one place are compared by their values, and what other blocks did
    // is looked at lane by lane: not here.
    if (shape.overlapping || shape.runs == 0 || !others_.empty()) {
        return false;
    }
    const std::uint64_t me = base_tag(access);
    const std::size_t each = std::max<std::size_t>(1, access.bytes >> granule_);  // cells a lane
    const auto cells_of = [&](const AccessRun& run) {
        return CellRun{
            me,
            run.lane,
            each * run.lanes,
            __builtin_ctzll(each),
            static_cast<std::int64_t>(safe_)};
    };
    for (std::uint32_t r = 0; r < shape.runs; ++r) {
        const std::size_t begin = (first + shape.run[r].delta) >> granule_;
        if (!untouched(&write_[begin], &read_[begin], cells_of(shape.run[r]))) {
            return false;
        }
    }
    for (std::uint32_t r = 0; r < shape.runs; ++r) {
        note_write(&write_[(first + shape.run[r].delta) >> granule_], cells_of(shape.run[r]));
    }
    return true;
}

void SharedShadow::check_write(
    const SharedAccess& access,
    std::uint32_t cell,
    std::uint64_t earlier,
    Hazard hazard,
    Severity severity) {
    if (!races_ || earlier < safe_) {
        return;
    }
    const bool both_strong = access.order == Order::strong && (earlier & k_strong) != 0;
    if (both_strong || ordered(access, earlier)) {
        return;
    }
    const std::uint64_t me = tag(access);
    const bool same_time = ((me ^ earlier) >> k_insn_shift) == 0;
    if (hazard == Hazard::write_after_write && same_time) {
        return;  // one instruction of one warp: the store looks at the values itself
    }
    if (hazard == Hazard::write_after_read && same_time && access.order == Order::strong) {
        return;  // the atomic's own read
    }
    found(access, cell, earlier, hazard, severity);
}

void SharedShadow::write(
    const SharedAccess& access, const std::byte* value, const std::byte* memory) {
    if (!others_.empty()) [[unlikely]] {
        check_others(access, true);
    }
    const std::uint64_t me = tag(access);
    const std::uint32_t first = access.offset >> granule_;
    const std::uint32_t last = (access.offset + access.bytes - 1) >> granule_;
    for (std::uint32_t i = first; i <= last; ++i) {
        if (write_[i] >= safe_) [[unlikely]] {
            const bool same = value != nullptr && std::memcmp(value, memory, access.bytes) == 0;
            check_write(
                access,
                i,
                write_[i],
                Hazard::write_after_write,
                same ? Severity::information : Severity::error);
        }
        if (read_[i] >= safe_) [[unlikely]] {
            const Severity severity =
                access.insn->work == Work::atomic ? Severity::warning : Severity::error;
            check_write(access, i, read_[i], Hazard::write_after_read, severity);
            check_write(access, i, other_read_[i], Hazard::write_after_read, severity);
        }
        const bool together = ((write_[i] ^ me) >> k_insn_shift) == 0;  // lanes of one store
        write_[i] = together ? joined(write_[i], me) : me;
    }
}

void SharedShadow::write_pending(const SharedAccess& access) {
    if (foreign(access)) {
        write_foreign(access, true);
        return;
    }
    write(access, nullptr, nullptr);
    const std::uint32_t last = (access.offset + access.bytes - 1) >> granule_;
    for (std::uint32_t i = access.offset >> granule_; i <= last; ++i) {
        write_[i] |= k_pending;
    }
}

void SharedShadow::arrive(const SharedAccess& access) {
    const std::uint64_t me = foreign(access) ? k_foreign : tag(access);
    const std::uint32_t last = (access.offset + access.bytes - 1) >> granule_;
    for (std::uint32_t i = access.offset >> granule_; i <= last; ++i) {
        if ((write_[i] & k_pending) != 0) {
            write_[i] = me;
        }
    }
}

}  // namespace kw::emu
