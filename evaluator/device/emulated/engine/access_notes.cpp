// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/access_notes.hpp"

namespace kw::emu {
namespace {

/// Whether `bytes` bytes of a shadow, which are 0 or 1, are all 1.
bool all_written(const std::uint8_t* written, std::uint32_t bytes) {
    if (bytes < 8) {
        std::uint64_t have = 0;
        std::memcpy(&have, written, bytes);
        return have == (0x0101010101010101U >> (64 - 8 * bytes));
    }
    std::uint64_t all = 0x0101010101010101U;
    for (std::uint32_t i = 0; i < bytes; i += 8) {
        std::uint64_t have = 0;
        std::memcpy(&have, written + i, 8);
        all &= have;
    }
    return all == 0x0101010101010101U;
}

void note_global(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t address,
    std::uint32_t bytes,
    Use use,
    Order order,
    const std::byte* value,
    const std::byte* memory) {
    Run& run = *warp.block->run;
    const std::size_t slot = (address >> k_slot_bits) - k_first_slot;
    Allocation& allocation = *run.memory->find(address);
    const std::uint64_t offset = address - allocation.address;
    if (run.options->checks.initialised && !allocation.written.empty()) {
        std::uint8_t* written = allocation.written.data() + offset;
        if ((use == Use::load || use == Use::atomic) && std::memchr(written, 0, bytes) != nullptr) {
            file(
                warp,
                insn,
                lane,
                FindingKind::uninitialised_read,
                Space::global,
                address,
                bytes,
                use);
            if (run.concurrent_shadow != nullptr) {
                run.doubt();  // which block comes first decides who is named
            }
        }
        if (writes(use)) {
            std::memset(written, 1, bytes);
        }
    }
    if (!run.watches(slot)) {
        return;
    }
    if (run.concurrent_shadow != nullptr) {
        ConcurrentShadow& shadow = *run.concurrent_shadow;
        const std::uint64_t block = warp.block->index;
        const bool strong = order == Order::strong;
        bool good = true;
        if (use == Use::load || use == Use::atomic) {
            good = shadow.read(slot, offset, bytes, block, strong);
        }
        if (writes(use)) {
            good = shadow.write(slot, offset, bytes, block, strong) && good;
        }
        if (!good) {
            run.doubt();
        }
    } else {
        const GlobalAccess access{
            &warp, &insn, lane, slot, offset, bytes, order, &warp.block->global_time};
        if (use == Use::load || use == Use::atomic) {
            run.global_shadow->read(access);
        }
        if (writes(use)) {
            run.global_shadow->write(access, value, memory);
        }
    }
}

void note_local(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t address,
    std::uint32_t bytes,
    Use use) {
    if (warp.local_written == nullptr) {
        return;
    }
    std::uint8_t* written =
        warp.local_written + static_cast<std::size_t>(lane) * warp.local_bytes + address;
    if (writes(use)) {
        std::memset(written, 1, bytes);
    } else if (!all_written(written, bytes)) {
        file(warp, insn, lane, FindingKind::uninitialised_read, Space::local, address, bytes, use);
    }
}

/// A shared::cluster address may lie in another block of the cluster.
void note_shared(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t address,
    std::uint32_t bytes,
    Use use,
    Order order,
    const std::byte* value,
    const std::byte* memory) {
    Block& own = *warp.block;
    const std::uint64_t rank = address >> k_rank_shift;
    Block& of = rank == 0 ? own : *own.cluster->blocks[rank - 1];
    if (!of.shadow) {
        return;
    }
    const auto offset = static_cast<std::uint32_t>(address - (rank << k_rank_shift));
    const SharedAccess access{&warp, &insn, lane, offset, bytes, order};
    const bool foreign = &of != &own;
    if (use == Use::load || use == Use::atomic) {
        foreign ? of.shadow->read_foreign(access) : of.shadow->read(access);
    }
    if (use == Use::copy_to) {
        of.shadow->write_pending(access);
    } else if (writes(use)) {
        foreign ? of.shadow->write_foreign(access) : of.shadow->write(access, value, memory);
    }
}

/// A load from one allocation that has all its data, and that nobody writes.
bool nothing_to_note(WarpState& warp, const Reach& out, std::uint32_t bytes) {
    const Run& run = *warp.block->run;
    const Allocation& allocation = *run.memory->find(out.first);
    if (run.options->checks.initialised && !allocation.written.empty()) {
        const bool whole = out.kind == AccessShape::Kind::contiguous &&
                           all_written(
                               allocation.written.data() + (out.first - allocation.address),
                               bytes * static_cast<std::uint32_t>(k_lanes));
        if (!whole) {
            return false;
        }
    }
    return !run.watches((out.first >> k_slot_bits) - k_first_slot);
}

/// A plain store to one allocation, by runs of lanes.
bool note_global_store(WarpState& warp, const Insn& insn, const Reach& out, std::uint32_t bytes) {
    Run& run = *warp.block->run;
    const AccessShape& shape = *out.shape;
    if (shape.overlapping || shape.runs == 0) {
        return false;
    }
    const std::size_t slot = (out.first >> k_slot_bits) - k_first_slot;
    Allocation& allocation = *run.memory->find(out.first);
    GlobalAccess access{&warp, &insn, 0, slot, 0, 0, Order::plain, &warp.block->global_time};
    for (std::uint32_t r = 0; r < shape.runs; ++r) {
        access.offset = out.first + shape.run[r].delta - allocation.address;
        access.bytes = bytes * shape.run[r].lanes;
        if (run.concurrent_shadow != nullptr && run.watches(slot)) {
            if (!run.concurrent_shadow->write(
                    slot, access.offset, access.bytes, warp.block->index, false)) {
                run.doubt();
            }
        } else if (run.watches(slot) && !run.global_shadow->write_fresh(access)) {
            return false;  // what is noted of earlier runs is what their lanes would note
        }
        if (!allocation.written.empty()) {
            std::memset(allocation.written.data() + access.offset, 1, access.bytes);
        }
    }
    return true;
}

}  // namespace

void file(
    WarpState& warp,
    const Insn& insn,
    int lane,
    FindingKind kind,
    Space space,
    std::uint64_t address,
    std::uint32_t bytes,
    Use use) {
    Defect defect;
    defect.kind = kind;
    defect.space = space;
    defect.address = address;
    defect.bytes = bytes;
    defect.write = writes(use);
    if (kind == FindingKind::uninitialised_read && space != Space::global) {
        // The value may not matter; where it does, other poison tells.
        defect.severity = Severity::warning;
    }
    report(warp, insn, lane, defect);
}

bool watched(const WarpState& warp, Space space) {
    const Run& run = *warp.block->run;
    switch (space) {
        case Space::global: {
            const Checks& checks = run.options->checks;
            return checks.initialised || checks.global_races;
        }
        case Space::local: return warp.local_written != nullptr;
        case Space::shared: return warp.block->shadow != nullptr;
        default: return false;
    }
}

void note(
    WarpState& warp,
    const Insn& insn,
    int lane,
    Space space,
    std::uint64_t address,
    std::uint32_t bytes,
    Use use,
    Order order,
    const std::byte* value,
    const std::byte* memory) {
    if (space == Space::global) {
        note_global(warp, insn, lane, address, bytes, use, order, value, memory);
    } else if (space == Space::local) {
        note_local(warp, insn, lane, address, bytes, use);
    } else if (space == Space::shared) {
        note_shared(warp, insn, lane, address, bytes, use, order, value, memory);
    }
}

bool note_load(WarpState& warp, const Insn& insn, const Reach& out, std::uint32_t bytes) {
    if (warp.block->run->options->lane_by_lane) {
        return false;
    }
    if (out.space == Space::shared && out.shape->runs != 0) {
        const SharedAccess access{&warp, &insn, 0, 0, bytes, Order::plain};
        warp.block->shadow->read(access, *out.shape, out.first);
        return true;
    }
    return out.space == Space::global && nothing_to_note(warp, out, bytes);
}

void note_reads(
    WarpState& warp,
    const Insn& insn,
    const Reach& out,
    std::uint32_t bytes,
    Use use,
    Order order) {
    if (use == Use::store || (!out.mixed && !watched(warp, out.space))) {
        return;
    }
    if (use == Use::load && out.one_range && out.space == Space::shared) {
        const SharedAccess access{&warp, &insn, 0, 0, bytes, order};
        warp.block->shadow->read(access, out.lanes, out.address.data());
        return;
    }
    for (Lanes left = out.lanes; left != 0; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        const auto l = static_cast<std::size_t>(lane);
        note(
            warp, insn, lane, out.space_of(l), out.address[l], bytes, use, order, nullptr, nullptr);
    }
}

bool stores_noted(
    WarpState& warp, const Insn& insn, Reach& reach, std::uint32_t bytes, Order order) {
    if (!reach.mixed && !watched(warp, reach.space)) {
        return false;
    }
    if (order == Order::plain && reach.one_range) {
        const bool lane_by_lane = warp.block->run->options->lane_by_lane;
        if (!lane_by_lane && reach.space == Space::global &&
            note_global_store(warp, insn, reach, bytes)) {
            return false;
        }
        const SharedAccess access{&warp, &insn, 0, 0, bytes, order};
        if (!lane_by_lane && reach.space == Space::shared &&
            warp.block->shadow->write(access, *reach.shape, reach.first)) {
            return false;
        }
        reach.locate();
    }
    return true;
}

void note_stores(
    WarpState& warp,
    const Insn& insn,
    const Reach& reach,
    std::uint32_t bytes,
    Order order,
    const std::byte (*values)[32]) {
    const bool races = warp.block->run->options->checks.races;
    for (Lanes left = reach.lanes; left != 0; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        const auto l = static_cast<std::size_t>(lane);
        note(
            warp,
            insn,
            lane,
            reach.space_of(l),
            reach.address[l],
            bytes,
            Use::store,
            order,
            values[l],
            reach.host(l));
        if (!reach.overlapping || !races || order == Order::strong) {
            continue;
        }
        for (Lanes before = reach.lanes & ((Lanes{1} << lane) - 1); before != 0;
             before &= before - 1) {
            const auto b = static_cast<std::size_t>(__builtin_ctz(before));
            if (reach.host(b) == reach.host(l) && std::memcmp(values[b], values[l], bytes) != 0) {
                Defect defect;
                const bool shared = reach.space_of(l) == Space::shared;
                defect.kind = shared ? FindingKind::shared_race : FindingKind::global_race;
                defect.severity = shared ? Severity::error : Severity::warning;
                defect.hazard = Hazard::write_after_write;
                defect.space = reach.space_of(l);
                defect.write = true;
                defect.bytes = bytes;
                defect.address = reach.address[l];
                defect.other_insn = static_cast<std::uint32_t>(warp.index_of(insn));
                defect.detail = "lanes of one store write different values to one place";
                report(warp, insn, lane, defect);
                break;
            }
        }
    }
}

}  // namespace kw::emu
