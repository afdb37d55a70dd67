// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/ops_bulk.hpp"

#include "evaluator/device/emulated/engine/bind_matrix.hpp"
#include "evaluator/device/emulated/engine/ops_mbarrier.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

constexpr std::uint32_t k_piece = 16;
/// In flight of one warp; beyond, the oldest land early.
constexpr std::size_t k_most_copies = 1024;
/// Bytes of one copy, as a mbarrier counts them.
constexpr std::uint32_t k_most_bytes = (1U << 20) - 1;

// Insn::mods: where to and from.
constexpr std::uint32_t k_to_global = 8;
constexpr std::uint32_t k_from_global = 16;

void land(Block& block, WarpState& issuer, const BulkCopy& copy) {
    if (block.shadow) {
        block.shadow->write(
            SharedAccess{
                &issuer,
                copy.insn,
                copy.lane,
                copy.to,
                static_cast<std::uint32_t>(copy.data.size()),
                Order::plain},
            nullptr,
            nullptr);
        block.shadow->fence(issuer.index);
        block.shadow->release(issuer.index, copy.barrier);
    }
    std::memcpy(block.shared + copy.to, copy.data.data(), copy.data.size());
}

void keep(WarpState& warp, BulkCopy copy) {
    std::vector<BulkCopy>& flying = warp.async->bulk;
    if (flying.size() >= k_most_copies) {
        land(*warp.block, warp, flying.front());
        flying.erase(flying.begin());
    }
    flying.push_back(std::move(copy));
}

/// Reads `bytes` in pieces; false: a finding.
bool read_source(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t from,
    Window window,
    std::vector<std::byte>& data) {
    bool whole = true;
    for (std::size_t at = 0; at < data.size() && whole; at += k_piece) {
        const std::byte* host = reach_lane(warp, insn, lane, from + at, k_piece, window, Use::load);
        whole = host != nullptr;
        if (whole) {
            std::memcpy(data.data() + at, host, k_piece);
        }
    }
    return whole;
}

bool write_now(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t to,
    Window window,
    const std::vector<std::byte>& data) {
    bool whole = true;
    for (std::size_t at = 0; at < data.size() && whole; at += k_piece) {
        whole = store_lane(warp, insn, lane, to + at, data.data() + at, k_piece, window);
    }
    return whole;
}

/// To the block's own shared memory: checks the place, and keeps the data until somebody waits.
void write_later(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t to,
    std::uint64_t barrier,
    std::uint64_t before,
    std::vector<std::byte> data) {
    Block& block = *warp.block;
    if (data.empty()) {
        return;
    }
    if (to > block.shared_bytes || data.size() > block.shared_bytes - to ||
        barrier >= block.shared_bytes) {
        write_now(warp, insn, lane, to, Window::shared, data);  // for its finding, or another block
        return;
    }
    BulkCopy copy;
    copy.barrier = barrier;
    copy.odd = BarrierObject::decode(before).odd;
    copy.lane = lane;
    copy.insn = &insn;
    copy.to = static_cast<std::uint32_t>(to);
    copy.data = std::move(data);
    keep(warp, std::move(copy));
}

/// slots: destination, source, bytes, [mbarrier], [policy].
void run_bulk(const Insn& insn, Warp& base, Lanes active) {
    WarpState& warp = state(base);
    const Window source = (insn.mods & k_from_global) != 0 ? Window::global : Window::shared;
    for (Lanes left = active; left != 0; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        const std::uint32_t bytes = warp.lanes<std::uint32_t>(insn.slot[2])[lane];
        const std::uint64_t to = lane_address(insn, warp, 0, insn.wide_base, insn.offset, lane);
        const std::uint64_t from = lane_address(insn, warp, 1, (insn.wide & 2) != 0, 0, lane);
        if (bytes % k_piece != 0 || bytes > k_most_bytes || to % k_piece != 0) {
            Defect defect;
            defect.kind = to % k_piece != 0 ? FindingKind::misaligned : FindingKind::bad_address;
            defect.space = (insn.mods & k_to_global) != 0 ? Space::global : Space::shared;
            defect.write = true;
            defect.bytes = bytes;
            defect.address = to;
            defect.detail = "cp.async.bulk takes multiples of 16 bytes and less than 2^20";
            report(warp, insn, lane, defect);
            continue;
        }
        std::vector<std::byte> data(bytes);
        if (!read_source(warp, insn, lane, from, source, data)) {
            continue;
        }
        if ((insn.mods & k_to_global) != 0) {
            write_now(warp, insn, lane, to, Window::global, data);
            continue;
        }
        const std::uint64_t barrier = lane_address(insn, warp, 3, (insn.wide & 8) != 0, 0, lane);
        if (warp.block->shadow) {
            warp.block->shadow->fence(warp.index);
        }
        std::uint64_t before = 0;
        if (change_barrier(
                warp,
                insn,
                lane,
                barrier,
                Window::shared,
                0,
                false,
                -std::int64_t{bytes},
                before)) {
            write_later(
                warp,
                insn,
                lane,
                to,
                barrier_key(Window::shared, barrier),
                before,
                std::move(data));
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
    for (WarpState& issuer : block.warps) {
        std::vector<BulkCopy>& flying = issuer.async->bulk;
        for (const BulkCopy& copy : flying) {
            if (copy.barrier == barrier && copy.odd == odd) {
                land(block, issuer, copy);
            }
        }
        std::erase_if(flying, [barrier, odd](const BulkCopy& copy) {
            return copy.barrier == barrier && copy.odd == odd;
        });
    }
}

Binding bind_bulk_copy(const Match& match) {
    Binding binding;
    binding.run = &run_bulk;
    binding.work = Work::copy_async;
    binding.bytes = k_piece;
    const bool to_global = match.has(".bulk_group");
    const bool from_global = match.has(".global.mbarrier::complete_tx::bytes");
    binding.mods = (to_global ? k_to_global : 0) | (from_global ? k_from_global : 0);
    binding.widths = {Width::any, Width::any, Width::w32};
    if (!to_global) {
        binding.widths.push_back(Width::any);
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
    binding.bytes = k_piece;
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
