// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/access.hpp"

#include "evaluator/device/emulated/engine/access_notes.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

struct Span {
    std::byte* host = nullptr;  ///< of `low`
    std::uint64_t low = 0;      ///< first address in the space
    std::uint64_t bytes = 0;
};

/// The memory that an address of a space lies in, whole; host == nullptr: none.
Span span_of(WarpState& warp, Space space, std::uint64_t address, int lane) {
    Block& block = *warp.block;
    switch (space) {
        case Space::shared: {
            const std::uint64_t rank = address >> k_rank_shift;
            if (rank == 0) {
                return {block.shared, 0, block.shared_bytes};
            }
            if (block.cluster != nullptr && rank <= block.cluster->blocks.size()) {
                Block& other = *block.cluster->blocks[rank - 1];
                return {other.shared, rank << k_rank_shift, other.shared_bytes};
            }
            return {};
        }
        case Space::local:
            return {
                warp.local + static_cast<std::size_t>(lane) * warp.local_bytes,
                0,
                warp.local_bytes};
        case Space::param: {
            const std::vector<std::byte>& bytes = block.run->launch->parameters;
            // Parameters are never written: Use::store is refused before.
            return {const_cast<std::byte*>(bytes.data()), 0, bytes.size()};
        }
        default: {
            Allocation* allocation = block.run->memory->find(address);
            return allocation == nullptr
                       ? Span{}
                       : Span{allocation->host, allocation->address, allocation->bytes};
        }
    }
}

Space window_space(Window window) {
    switch (window) {
        case Window::shared: return Space::shared;
        case Window::local: return Space::local;
        case Window::constant: return Space::constant;
        default: return Space::global;
    }
}

/// An address of a window as space and address in that space.
Generic resolve(Window window, std::uint64_t address) {
    if (window == Window::generic || window == Window::param) {
        return generic_place(address);
    }
    return {window_space(window), address};
}

/// Bounds, alignment, write protection of one lane. Returns the host pointer or nullptr.
std::byte* permit(
    WarpState& warp,
    const Insn& insn,
    int lane,
    Space space,
    std::uint64_t address,
    std::uint32_t bytes,
    Use use) {
    const Span span = span_of(warp, space, address, lane);
    if (span.host == nullptr || address < span.low || span.bytes < bytes ||
        address - span.low > span.bytes - bytes) {
        file(warp, insn, lane, FindingKind::out_of_bounds, space, address, bytes, use);
        return nullptr;
    }
    if ((address & (bytes - 1)) != 0) {
        file(warp, insn, lane, FindingKind::misaligned, space, address, bytes, use);
        return nullptr;
    }
    if (writes(use)) {
        const bool fixed = space == Space::param || space == Space::constant ||
                           (space == Space::global &&
                            warp.block->run->memory->find(address)->access == Access::read_only);
        if (fixed) {
            file(warp, insn, lane, FindingKind::write_to_read_only, space, address, bytes, use);
            return nullptr;
        }
    }
    return span.host + (address - span.low);
}

/// Lane by lane: files what is wrong with each, and lets the others go on.
void reach_lanes(
    WarpState& warp,
    const Insn& insn,
    Lanes active,
    const std::uint64_t* address,
    std::uint32_t bytes,
    Window window,
    Use use,
    Reach& out) {
    out.one_range = false;
    out.shape = nullptr;
    out.base = nullptr;
    out.at = out.own.data();
    out.lanes = 0;
    out.kind = AccessShape::Kind::scattered;
    out.own.fill(0);
    std::uint64_t zero = 0;
    for (Lanes left = active; left != 0; left &= left - 1) {
        const int lane = __builtin_ctz(left);
        const auto l = static_cast<std::size_t>(lane);
        const Generic there = resolve(window, address[l]);
        std::byte* host = permit(warp, insn, lane, there.space, there.offset, bytes, use);
        if (host == nullptr) {
            continue;
        }
        if (out.lanes == 0) {
            out.base = host;
            zero = std::bit_cast<std::uintptr_t>(host);
            out.space = there.space;
        }
        out.mixed = out.mixed || there.space != out.space;
        out.spaces[l] = there.space;
        out.address[l] = there.offset;
        out.own[l] = std::bit_cast<std::uintptr_t>(host) - zero;
        out.lanes |= Lanes{1} << lane;
    }
}

void count(
    WarpState& warp, const Insn& insn, AccessShape& shape, Space space, std::uint64_t first) {
    InsnCounts& counts = warp.counts[warp.index_of(insn)];
    ++counts.requests;
    if (space == Space::global) {
        const LineCount lines = lines_of(shape, first);
        counts.sectors += lines.sectors;
        counts.lines += lines.lines;
    } else if (space == Space::shared) {
        counts.wavefronts += shape.wavefronts;
        counts.excess += shape.excess;
    }
}

/// The addresses of all lanes; those that are not active get the first active one's.
void addresses(
    Warp& warp,
    Lanes active,
    std::uint32_t slot,
    bool wide,
    std::int64_t offset,
    std::array<std::uint64_t, k_lanes>& out) {
    for (std::size_t i = 0; i < k_lanes; ++i) {
        out[i] = wide
                     ? warp.lanes<std::uint64_t>(slot)[i] + static_cast<std::uint64_t>(offset)
                     : static_cast<std::uint32_t>(
                           warp.lanes<std::uint32_t>(slot)[i] + static_cast<std::uint32_t>(offset));
    }
    const std::uint64_t first = out[static_cast<std::size_t>(__builtin_ctz(active))];
    for (std::size_t i = 0; i < k_lanes; ++i) {
        out[i] = ((active >> i) & 1) != 0 ? out[i] : first;
    }
}

/// All lanes in one range: one comparison for the warp. False: look at every lane.
bool reach_range(
    WarpState& warp,
    const AccessShape& shape,
    std::uint64_t first,
    Generic place,
    Use use,
    Reach& out) {
    const Space space = place.space;
    if (!shape.compact || !shape.aligned || (first & (shape.bytes - 1)) != 0 ||
        space == Space::local || (space == Space::param && writes(use)) ||
        (space == Space::shared && (place.offset >> k_rank_shift) != 0)) {
        return false;
    }
    const Span span = span_of(warp, space, place.offset, 0);
    const std::uint64_t into = place.offset - span.low;
    if (span.host == nullptr || place.offset < span.low || into < shape.below ||
        shape.above > span.bytes || into > span.bytes - shape.above) {
        return false;
    }
    if (writes(use) && (space == Space::constant ||
                        (space == Space::global &&
                         warp.block->run->memory->find(first)->access == Access::read_only))) {
        return false;
    }
    out.base = span.host + into;
    out.at = shape.delta.data();
    out.lanes = shape.lanes;
    out.kind = shape.kind;
    out.space = space;
    return true;
}

}  // namespace

Generic generic_place(std::uint64_t address) {
    const std::uint64_t slot = address >> k_slot_bits;
    const std::uint64_t inside = address & (k_slot_bytes - 1);
    if (slot >= k_first_slot) {
        return {Space::global, address};
    }
    switch (slot) {
        case k_shared_slot: return {Space::shared, inside};
        case k_local_slot: return {Space::local, inside};
        case k_param_slot: return {Space::param, inside};
        default: return {Space::global, address};
    }
}

void reach(
    WarpState& warp,
    const Insn& insn,
    Lanes active,
    std::uint32_t slot,
    bool wide,
    std::int64_t offset,
    std::uint32_t bytes,
    Window window,
    Use use,
    Order order,
    Reach& out,
    std::uint32_t which) {
    const auto first_lane = static_cast<std::size_t>(__builtin_ctz(active));
    AccessShape& shape = shape_of(warp, insn, which);
    std::uint64_t first = 0;
    bool same = active == shape.lanes && bytes == shape.bytes;
    if (wide) {
        const std::uint64_t* base = warp.lanes<std::uint64_t>(slot);
        first = base[first_lane] + static_cast<std::uint64_t>(offset);
        same = same && (first & 3) == shape.odd && matches(shape, base, base[first_lane], active);
    } else {
        const std::uint32_t* base = warp.lanes<std::uint32_t>(slot);
        first = static_cast<std::uint32_t>(base[first_lane] + static_cast<std::uint32_t>(offset));
        same = same && (first & 3) == shape.odd && matches(shape, base, base[first_lane], active);
    }
    alignas(64) std::array<std::uint64_t, k_lanes> address;
    if (!same) {
        addresses(warp, active, slot, wide, offset, address);
        measure(shape, address.data(), active, bytes);
    }
    const Generic place = resolve(window, first);
    count(warp, insn, shape, place.space, first);
    out.overlapping = shape.overlapping;
    out.mixed = false;
    out.one_range = true;
    out.shape = &shape;
    out.first = place.offset;
    if (!reach_range(warp, shape, first, place, use, out)) {
        addresses(warp, active, slot, wide, offset, address);
        reach_lanes(warp, insn, active, address.data(), bytes, window, use, out);
        if (out.lanes == 0) {
            return;
        }
    } else {
        if (!watched(warp, place.space) || (order == Order::plain && use == Use::store) ||
            (order == Order::plain && use == Use::load && note_load(warp, insn, out, bytes))) {
            return;
        }
        out.locate();
    }
    note_reads(warp, insn, out, bytes, use, order);
}

std::byte* reach_lane(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t address,
    std::uint32_t bytes,
    Window window,
    Use use,
    Order order) {
    const Generic there = resolve(window, address);
    std::byte* host = permit(warp, insn, lane, there.space, there.offset, bytes, use);
    if (host != nullptr && use != Use::store) {
        note(warp, insn, lane, there.space, there.offset, bytes, use, order, nullptr, nullptr);
    }
    return host;
}

bool store_lane(
    WarpState& warp,
    const Insn& insn,
    int lane,
    std::uint64_t address,
    const std::byte* value,
    std::uint32_t bytes,
    Window window) {
    const Generic there = resolve(window, address);
    std::byte* host = permit(warp, insn, lane, there.space, there.offset, bytes, Use::store);
    if (host == nullptr) {
        return false;
    }
    note(warp, insn, lane, there.space, there.offset, bytes, Use::store, Order::plain, value, host);
    std::memcpy(host, value, bytes);
    return true;
}

void count_access(
    WarpState& warp,
    const Insn& insn,
    Lanes active,
    const std::uint64_t* address,
    std::uint32_t bytes,
    Space space) {
    AccessShape& shape = shape_of(warp, insn);
    const std::uint64_t first = address[__builtin_ctz(active)];
    std::uint64_t differs = (active ^ shape.lanes) | (bytes ^ shape.bytes);
    alignas(64) std::array<std::uint64_t, k_lanes> all;
    for (std::size_t i = 0; i < k_lanes; ++i) {
        all[i] = ((active >> i) & 1) != 0 ? address[i] : first;
        differs |= (all[i] - first) ^ shape.delta[i];
    }
    if (differs != 0 || (first & 3) != shape.odd) {
        measure(shape, all.data(), active, bytes);
    }
    count(warp, insn, shape, space, first);
}

}  // namespace kw::emu
