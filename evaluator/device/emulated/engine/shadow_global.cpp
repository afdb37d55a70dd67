// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/shadow_global.hpp"

#include <algorithm>
#include <new>

namespace kw::emu {
namespace {

std::uint64_t* zeroed(std::uint64_t count) {
    void* cells = std::calloc(count, sizeof(std::uint64_t));
    if (cells == nullptr) {
        throw std::bad_alloc();
    }
    return static_cast<std::uint64_t*>(cells);
}

}  // namespace

GlobalShadow::GlobalShadow(const Memory& memory, int granule)
    : granule_(granule) {
    for (const std::unique_ptr<Allocation>& allocation : memory.allocations()) {
        Cells cells;
        if (allocation->access != Access::read_only && allocation->space == Space::global) {
            const std::uint64_t count = (allocation->bytes >> granule) + 1;
            cells.write.reset(zeroed(count));
            cells.read.reset(zeroed(count));
            bytes_ += 2 * count * sizeof(std::uint64_t);
        }
        cells_.push_back(std::move(cells));
    }
}

std::uint64_t GlobalShadow::tag(const GlobalAccess& access) const {
    const std::uint64_t insn = access.warp->index_of(*access.insn) & k_insn_mask;
    return ((access.time->block + 1) << k_block_shift) |
           (std::uint64_t{access.time->epoch} << k_epoch_shift) | (insn << k_insn_shift) |
           (access.order == Order::strong ? k_strong : 0);
}

bool GlobalShadow::ordered(const GlobalAccess& access, std::uint64_t tag) const {
    if (access.time->acquired == 0) {
        return false;
    }
    const std::uint64_t block = (tag >> k_block_shift) - 1;
    const auto epoch = static_cast<std::uint32_t>((tag >> k_epoch_shift) & k_epoch_mask);
    const auto found = published_.find(block);
    if (found == published_.end()) {
        return false;
    }
    const auto at = std::lower_bound(
        found->second.begin(),
        found->second.end(),
        epoch,
        [](const Publication& p, std::uint32_t wanted) { return p.epoch < wanted; });
    return at != found->second.end() && at->time <= access.time->acquired;
}

void GlobalShadow::check(
    const GlobalAccess& access,
    std::uint64_t cell,
    std::uint64_t earlier,
    Hazard hazard,
    bool same) const {
    const bool both_strong = access.order == Order::strong && (earlier & k_strong) != 0;
    if (both_strong || ordered(access, earlier)) {
        return;
    }
    const std::uint64_t other = (earlier >> k_insn_shift) & k_insn_mask;
    const bool mixed = is_mixed(*access.warp, *access.insn, hazard, other);
    Defect defect;
    defect.kind = FindingKind::global_race;
    defect.severity = same ? Severity::information : mixed ? Severity::warning : Severity::error;
    defect.hazard = hazard;
    defect.space = Space::global;
    defect.write = hazard != Hazard::read_after_write;
    defect.bytes = access.bytes;
    defect.address = ((access.slot + k_first_slot) << k_slot_bits) + k_slot_lead +
                     std::max(cell << granule_, access.offset);
    defect.other_insn = static_cast<std::uint32_t>(other);
    defect.detail = same    ? "both blocks write the same value"
                    : mixed ? "a plain read and an atomic write of another block: it may see either"
                            : "blocks are not ordered";
    report(*access.warp, *access.insn, access.lane, defect);
}

void GlobalShadow::read(const GlobalAccess& access) {
    const Cells& cells = cells_[access.slot];
    if (!cells.write) {
        return;
    }
    const std::uint64_t me = tag(access);
    const std::uint64_t last = (access.offset + access.bytes - 1) >> granule_;
    for (std::uint64_t i = access.offset >> granule_; i <= last; ++i) {
        const std::uint64_t written = cells.write.get()[i];
        if (written != 0 && ((written ^ me) >> k_block_shift) != 0) {
            check(access, i, written, Hazard::read_after_write, false);
        }
        std::uint64_t& cell = cells.read.get()[i];
        const std::uint64_t before = cell;
        std::uint64_t after = me | (before & k_several);
        if (before != 0 && ((before ^ me) >> k_block_shift) != 0 && !ordered(access, before)) {
            after |= k_several;
        }
        cell = after;
    }
}

void GlobalShadow::write(
    const GlobalAccess& access, const std::byte* value, const std::byte* memory) {
    const Cells& cells = cells_[access.slot];
    if (!cells.write) {
        return;
    }
    const std::uint64_t me = tag(access);
    const std::uint64_t last = (access.offset + access.bytes - 1) >> granule_;
    for (std::uint64_t i = access.offset >> granule_; i <= last; ++i) {
        std::uint64_t& cell = cells.write.get()[i];
        const std::uint64_t written = cell;
        if (written != 0 && ((written ^ me) >> k_block_shift) != 0) {
            const bool same = value != nullptr && std::memcmp(value, memory, access.bytes) == 0;
            check(access, i, written, Hazard::write_after_write, same);
        }
        const std::uint64_t read = cells.read.get()[i];
        const bool foreign = ((read ^ me) >> k_block_shift) != 0;
        if (read != 0 && (foreign || (read & k_several) != 0)) {
            check(access, i, read, Hazard::write_after_read, false);
        }
        cell = me;
    }
}

bool GlobalShadow::write_fresh(const GlobalAccess& access) {
    const Cells& cells = cells_[access.slot];
    const std::uint64_t me = tag(access);
    const std::uint64_t first = access.offset >> granule_;
    const std::uint64_t last = (access.offset + access.bytes - 1) >> granule_;
    std::uint64_t* const write = cells.write.get();
    const std::uint64_t* const read = cells.read.get();
    std::uint64_t foreign = 0;
    for (std::uint64_t i = first; i <= last; ++i) {
        foreign |= write[i] == 0 ? 0 : (write[i] ^ me) >> k_block_shift;
        foreign |= read[i] == 0 ? 0 : ((read[i] ^ me) >> k_block_shift) | (read[i] & k_several);
    }
    if (foreign != 0) {
        return false;
    }
    std::fill(write + first, write + last + 1, me);
    return true;
}

void GlobalShadow::publish(GlobalTime& time) {
    if (!time.fenced) {
        return;
    }
    time.fenced = false;
    published_[time.block].push_back({time.epoch, ++clock_});
    if (time.epoch < k_epoch_mask) {
        ++time.epoch;
    }
}

}  // namespace kw::emu
