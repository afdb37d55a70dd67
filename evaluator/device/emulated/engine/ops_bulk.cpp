// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/ops_bulk.hpp"

#include "evaluator/device/emulated/engine/access_notes.hpp"
#include "evaluator/device/emulated/engine/bind_matrix.hpp"
#include "evaluator/device/emulated/engine/ops_mbarrier.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

/// In flight to one block's mbarriers; beyond, the oldest land early.
constexpr std::size_t k_most_copies = 1024;
constexpr std::size_t k_most_in_flight = std::size_t{4} << 20;

// Insn::mods: where to and from.
constexpr std::uint32_t k_to_global = 8;
constexpr std::uint32_t k_from_global = 16;
constexpr std::uint32_t k_multicast = 32;
/// Of a shared::cluster address: the offset in its block.
constexpr std::uint64_t k_inside = (std::uint64_t{1} << k_rank_shift) - 1;

/// Calls f(offset in the image, bytes) for every contiguous part.
template <class F>
void each_part(const std::vector<std::uint32_t>& units, std::size_t bytes, F f) {
    if (units.empty()) {
        f(std::uint32_t{0}, static_cast<std::uint32_t>(bytes));
    }
    for (const std::uint32_t at : units) {
        f(at, k_copy_unit);
    }
}

void land(const BulkCopy& copy, bool waited) {
    SharedShadow* shadow = copy.into->shadow.get();
    each_part(copy.units, copy.data.size(), [&](std::uint32_t at, std::uint32_t bytes) {
        std::memcpy(copy.into->shared + copy.to + at, copy.data.data() + at, bytes);
        if (shadow != nullptr && waited) {
            shadow->arrive(
                SharedAccess{copy.issuer, copy.insn, copy.lane, copy.to + at, bytes, Order::plain});
        }
    });
    if (shadow != nullptr && waited && copy.issuer->block == copy.into) {
        shadow->fence(copy.issuer->index);
        shadow->release(copy.issuer->index, copy.barrier);
    }
}

void keep(Block& at, BulkCopy copy) {
    at.bulk_bytes += copy.data.size();
    while (!at.bulk.empty() &&
           (at.bulk_bytes > k_most_in_flight || at.bulk.size() >= k_most_copies)) {
        at.bulk_bytes -= at.bulk.front().data.size();
        land(at.bulk.front(), false);
        at.bulk.pop_front();
    }
    at.bulk.push_back(std::move(copy));
}

/// The largest aligned piece at an address.
std::uint32_t piece_at(std::uint64_t address, std::uint32_t left) {
    std::uint32_t piece = k_copy_unit;
    while (piece > left || (address & (piece - 1)) != 0) {
        piece /= 2;
    }
    return piece;
}

/// The block that a shared::cluster address lies in, or nullptr.
Block* block_at(Block& from, std::uint64_t address) {
    const std::uint64_t rank = address >> k_rank_shift;
    if (rank == 0) {
        return &from;
    }
    const std::vector<Block*>& blocks = from.cluster->blocks;
    return rank <= blocks.size() ? blocks[rank - 1] : nullptr;
}

/// slots: destination, source, bytes, [mbarrier], [mask], [policy].
void run_bulk(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const bool to_global = (insn.mods & k_to_global) != 0;
    const bool from_global = (insn.mods & k_from_global) != 0;
    warp.counts[warp.index_of(insn)].requests += to_global || from_global ? 1 : 0;
    for (Lanes left = active; left != 0; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        const std::uint32_t bytes = warp.lanes<std::uint32_t>(insn.slot[2])[lane];
        const std::uint64_t to = lane_address(insn, warp, 0, insn.wide_base, insn.offset, lane);
        const std::uint64_t from = lane_address(insn, warp, 1, (insn.wide & 2) != 0, 0, lane);
        const bool bad_size = bytes % k_copy_unit != 0 || bytes > k_most_copy_bytes;
        if (bad_size || to % k_copy_unit != 0 || from % k_copy_unit != 0) {
            Defect defect;
            defect.kind = bad_size ? FindingKind::bad_address : FindingKind::misaligned;
            defect.space = to_global ? Space::global : Space::shared;
            defect.write = true;
            defect.bytes = bytes;
            defect.address = to;
            defect.detail = "cp.async.bulk takes multiples of 16 bytes and less than 2^20";
            report(warp, insn, lane, defect);
            continue;
        }
        if (!charge_copy(warp, bytes)) {
            return;
        }
        CopyImage image;
        image.bytes.resize(bytes);
        const Window source = from_global ? Window::global : Window::shared;
        if (!read_bytes(warp, insn, lane, from, source, image.bytes.data(), bytes)) {
            continue;
        }
        if (to_global) {
            write_bytes(warp, insn, lane, to, Window::global, image.bytes.data(), bytes);
            count_bulk(warp, insn, to, bytes);
            continue;
        }
        if (from_global) {
            count_bulk(warp, insn, from, bytes);
        }
        const std::uint64_t barrier = lane_address(insn, warp, 3, (insn.wide & 8) != 0, 0, lane);
        if ((insn.mods & k_multicast) != 0) {
            const std::uint32_t mask = warp.lanes<std::uint32_t>(insn.slot[4])[lane] & 0xFFFF;
            for (const CopyTarget& target :
                 aim_all(warp, insn, lane, to, barrier, bytes, k_copy_unit, mask)) {
                charge_copy(warp, bytes);
                send(warp, insn, lane, target, image, bytes);
            }
        } else if (const auto target = aim(warp, insn, lane, to, barrier, bytes, k_copy_unit)) {
            send(warp, insn, lane, *target, std::move(image), bytes);
        }
    }
}

/// Groups of copies out of shared memory, and fences between proxies: nothing is under way.
void run_no_wait(const Insn& insn, Warp& warp, Lanes active) {
    (void)insn;
    (void)warp;
    (void)active;
}

void run_proxy_fence(const Insn& insn, Warp& base, Lanes active) {
    (void)insn;
    (void)active;
    WarpState& warp = state(base);
    if (warp.block->shadow) {
        warp.block->shadow->fence(warp.index);
    }
}

}  // namespace

void land_bulk(Block& block, std::uint64_t barrier, bool odd) {
    const auto over = [barrier, odd](const BulkCopy& copy) {
        return copy.barrier == barrier && copy.odd == odd;
    };
    for (const BulkCopy& copy : block.bulk) {
        if (over(copy)) {
            land(copy, true);
            block.bulk_bytes -= copy.data.size();
        }
    }
    std::erase_if(block.bulk, over);
}

Block* shared_place(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t address,
    std::uint32_t bytes,
    std::uint32_t alignment,
    Use use) {
    Block* const block = block_at(*warp.block, address);
    const std::uint64_t offset = address & k_inside;
    if (block == nullptr || offset > block->shared_bytes || bytes > block->shared_bytes - offset) {
        file(warp, insn, lane, FindingKind::out_of_bounds, Space::shared, address, bytes, use);
        return nullptr;
    }
    if (offset % alignment != 0) {
        file(warp, insn, lane, FindingKind::misaligned, Space::shared, address, bytes, use);
        return nullptr;
    }
    return block;
}

std::optional<CopyTarget> aim(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t to,
    std::uint64_t barrier,
    std::uint32_t bytes,
    std::uint32_t alignment) {
    CopyTarget target;
    target.into = shared_place(warp, insn, lane, to, bytes, alignment, Use::copy_to);
    target.to = static_cast<std::uint32_t>(to & k_inside);
    target.at = shared_place(warp, insn, lane, barrier, 8, 8, Use::atomic);
    target.barrier = barrier & k_inside;
    target.barrier_address = barrier;
    return target.into == nullptr || target.at == nullptr ? std::nullopt : std::optional(target);
}

std::vector<CopyTarget> aim_all(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t to,
    std::uint64_t barrier,
    std::uint32_t bytes,
    std::uint32_t alignment,
    std::uint32_t mask) {
    const std::vector<Block*>& blocks = warp.block->cluster->blocks;
    std::vector<CopyTarget> targets;
    if (mask >> blocks.size() != 0) {
        Defect defect;
        defect.kind = FindingKind::bad_address;
        defect.space = Space::shared;
        defect.write = true;
        defect.detail = "the mask of a multicast names blocks that the cluster does not have";
        report(warp, insn, lane, defect);
        return targets;
    }
    for (std::uint64_t rank = 0; rank < blocks.size(); ++rank) {
        if ((mask >> rank & 1U) == 0) {
            continue;
        }
        const std::uint64_t there = rank == warp.block->rank ? 0 : (rank + 1) << k_rank_shift;
        const auto target =
            aim(warp,
                insn,
                lane,
                there | (to & k_inside),
                there | (barrier & k_inside),
                bytes,
                alignment);
        if (!target) {
            return {};
        }
        targets.push_back(*target);
    }
    return targets;
}

void send(
    WarpState& warp,
    const Insn& insn,
    int lane,
    const CopyTarget& target,
    CopyImage image,
    std::uint32_t counted) {
    // The write is told before it is published: who waits for the mbarrier comes after it.
    if (target.into->shadow) {
        each_part(image.units, image.bytes.size(), [&](std::uint32_t at, std::uint32_t bytes) {
            if (bytes != 0) {
                target.into->shadow->write_pending(
                    SharedAccess{&warp, &insn, lane, target.to + at, bytes, Order::plain});
            }
        });
        warp.block->shadow->fence(warp.index);
    }
    std::uint64_t before = 0;
    const bool completes = change_barrier(
        warp,
        insn,
        lane,
        target.barrier_address,
        Window::shared,
        0,
        false,
        -std::int64_t{counted},
        before);
    if (!completes || image.bytes.empty()) {
        return;
    }
    keep(
        *target.at,
        BulkCopy{
            target.barrier,
            BarrierObject::decode(before).odd,
            &warp,
            lane,
            &insn,
            target.into,
            target.to,
            std::move(image.bytes),
            std::move(image.units)});
}

bool read_bytes(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t from,
    Window window,
    std::byte* to,
    std::uint32_t bytes) {
    for (std::uint32_t at = 0; at < bytes;) {
        const std::uint32_t piece = piece_at(from + at, bytes - at);
        const std::byte* host = reach_lane(warp, insn, lane, from + at, piece, window, Use::load);
        if (host == nullptr) {
            return false;
        }
        std::memcpy(to + at, host, piece);
        at += piece;
    }
    return true;
}

bool write_bytes(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t to,
    Window window,
    const std::byte* from,
    std::uint32_t bytes) {
    for (std::uint32_t at = 0; at < bytes;) {
        const std::uint32_t piece = piece_at(to + at, bytes - at);
        if (!store_lane(warp, insn, lane, to + at, from + at, piece, window)) {
            return false;
        }
        at += piece;
    }
    return true;
}

void count_bulk(WarpState& warp, const Insn& insn, std::uint64_t address, std::uint64_t bytes) {
    if (bytes == 0) {
        return;
    }
    const std::uint64_t last = address + bytes - 1;
    InsnCounts& counts = warp.counts[warp.index_of(insn)];
    counts.sectors += last / 32 - address / 32 + 1;
    counts.lines += last / 128 - address / 128 + 1;
}

Binding bind_bulk_copy(const Match& match) {
    Binding binding;
    binding.run = &run_bulk;
    binding.work = Work::copy_async;
    binding.bytes = k_copy_unit;
    const bool to_global = match.has(".bulk_group");
    const bool from_global = match.has(".global.mbarrier::complete_tx::bytes");
    const bool multicast = match.has(".multicast::cluster");
    if (multicast && (!from_global || match.has(".shared::cta"))) {
        return {};
    }
    binding.mods = (to_global ? k_to_global : 0) | (from_global ? k_from_global : 0) |
                   (multicast ? k_multicast : 0);
    binding.widths = {Width::any, Width::any, Width::w32};
    if (!to_global) {
        binding.widths.push_back(Width::any);
    }
    if (multicast) {
        binding.widths.push_back(Width::w16);
    }
    if (match.has("L2::cache_hint")) {
        binding.widths.push_back(Width::w64);
    }
    binding.slots_min = binding.slots_max = static_cast<std::uint16_t>(binding.widths.size());
    return binding;
}

Binding bind_bulk_group(const Match& match) {
    (void)match;
    Binding binding;
    binding.run = &run_no_wait;
    binding.work = Work::copy_async;
    binding.widths = {Width::any, Width::w32, Width::w64};
    binding.slots_max = 3;
    binding.bytes = k_copy_unit;
    return binding;
}

Binding bind_proxy_fence(const Match& match) {
    (void)match;
    Binding binding;
    binding.run = &run_proxy_fence;
    binding.slots_max = 0;
    return binding;
}

}  // namespace kw::emu
