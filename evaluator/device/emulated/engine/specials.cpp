// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/specials.hpp"

#include "evaluator/device/emulated/engine/block.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

struct Entry {
    std::string_view name;
    Special which;
    int bytes;
};

constexpr Entry k_specials[] = {
    {"%tid.x", Special::tid_x, 4},
    {"%tid.y", Special::tid_y, 4},
    {"%tid.z", Special::tid_z, 4},
    {"%ntid.x", Special::ntid_x, 4},
    {"%ntid.y", Special::ntid_y, 4},
    {"%ntid.z", Special::ntid_z, 4},
    {"%ctaid.x", Special::ctaid_x, 4},
    {"%ctaid.y", Special::ctaid_y, 4},
    {"%ctaid.z", Special::ctaid_z, 4},
    {"%nctaid.x", Special::nctaid_x, 4},
    {"%nctaid.y", Special::nctaid_y, 4},
    {"%nctaid.z", Special::nctaid_z, 4},
    {"%laneid", Special::laneid, 4},
    {"%warpid", Special::warpid, 4},
    {"%nwarpid", Special::nwarpid, 4},
    {"%smid", Special::smid, 4},
    {"%nsmid", Special::nsmid, 4},
    {"%gridid", Special::gridid, 8},
    {"%lanemask_eq", Special::lanemask_eq, 4},
    {"%lanemask_le", Special::lanemask_le, 4},
    {"%lanemask_lt", Special::lanemask_lt, 4},
    {"%lanemask_ge", Special::lanemask_ge, 4},
    {"%lanemask_gt", Special::lanemask_gt, 4},
    {"%clusterid.x", Special::clusterid_x, 4},
    {"%clusterid.y", Special::clusterid_y, 4},
    {"%clusterid.z", Special::clusterid_z, 4},
    {"%nclusterid.x", Special::nclusterid_x, 4},
    {"%nclusterid.y", Special::nclusterid_y, 4},
    {"%nclusterid.z", Special::nclusterid_z, 4},
    {"%cluster_ctaid.x", Special::cluster_ctaid_x, 4},
    {"%cluster_ctaid.y", Special::cluster_ctaid_y, 4},
    {"%cluster_ctaid.z", Special::cluster_ctaid_z, 4},
    {"%cluster_nctaid.x", Special::cluster_nctaid_x, 4},
    {"%cluster_nctaid.y", Special::cluster_nctaid_y, 4},
    {"%cluster_nctaid.z", Special::cluster_nctaid_z, 4},
    {"%cluster_ctarank", Special::cluster_ctarank, 4},
    {"%cluster_nctarank", Special::cluster_nctarank, 4},
    {"%is_explicit_cluster", Special::is_explicit_cluster, 1},
    {"%dynamic_smem_size", Special::dynamic_smem_size, 4},
    {"%total_smem_size", Special::total_smem_size, 4},
    {"%envreg1", Special::envreg1, 4},
    {"%envreg2", Special::envreg2, 4},
    {"%clock", Special::clock, 4},
    {"%clock_hi", Special::clock_hi, 4},
    {"%clock64", Special::clock64, 8},
    {"%globaltimer", Special::globaltimer, 8},
    {"%globaltimer_lo", Special::globaltimer_lo, 4},
    {"%globaltimer_hi", Special::globaltimer_hi, 4},
};

std::uint32_t lane_mask(Special which, std::uint32_t lane) {
    const std::uint32_t self = 1U << lane;
    switch (which) {
        case Special::lanemask_eq: return self;
        case Special::lanemask_lt: return self - 1;
        case Special::lanemask_le: return (self - 1) | self;
        case Special::lanemask_gt: return ~((self - 1) | self);
        default: return ~(self - 1);
    }
}

/// Which of three: the special registers .x, .y, .z follow each other.
std::size_t axis(Special which, Special first) {
    return static_cast<std::size_t>(which) - static_cast<std::size_t>(first);
}

std::uint64_t cluster_value(const Block& block, Special which) {
    const Launch& launch = *block.run->launch;
    const auto inside = [&](std::size_t i) {
        return block.id[i] % launch.cluster[i];
    };
    if (which >= Special::clusterid_x && which <= Special::clusterid_z) {
        const std::size_t i = axis(which, Special::clusterid_x);
        return block.id[i] / launch.cluster[i];
    }
    if (which >= Special::nclusterid_x && which <= Special::nclusterid_z) {
        const std::size_t i = axis(which, Special::nclusterid_x);
        return launch.grid[i] / launch.cluster[i];
    }
    if (which >= Special::cluster_ctaid_x && which <= Special::cluster_ctaid_z) {
        return inside(axis(which, Special::cluster_ctaid_x));
    }
    if (which >= Special::cluster_nctaid_x && which <= Special::cluster_nctaid_z) {
        return launch.cluster[axis(which, Special::cluster_nctaid_x)];
    }
    const std::uint64_t all =
        std::uint64_t{launch.cluster[0]} * launch.cluster[1] * launch.cluster[2];
    switch (which) {
        case Special::cluster_ctarank: return block.rank;
        case Special::cluster_nctarank: return all;
        default: return all > 1 ? k_all_lanes : 0;  // is_explicit_cluster
    }
}

std::uint64_t value_of(const WarpState& warp, Special which, std::uint32_t lane) {
    const Block& block = *warp.block;
    const Launch& launch = *block.run->launch;
    if (which <= Special::tid_z) {
        return thread_of(warp, static_cast<int>(lane))[axis(which, Special::tid_x)];
    }
    if (which <= Special::ntid_z) {
        return launch.block[axis(which, Special::ntid_x)];
    }
    if (which <= Special::ctaid_z) {
        return block.id[axis(which, Special::ctaid_x)];
    }
    if (which <= Special::nctaid_z) {
        return launch.grid[axis(which, Special::nctaid_x)];
    }
    if (which >= Special::lanemask_eq && which <= Special::lanemask_gt) {
        return lane_mask(which, lane);
    }
    if (which >= Special::clusterid_x && which <= Special::is_explicit_cluster) {
        return cluster_value(block, which);
    }
    switch (which) {
        case Special::laneid: return lane;
        case Special::warpid: return warp.index;
        case Special::nwarpid: return block.run->warps_per_block;
        case Special::smid: return block.index % block.run->options->sm_count;
        case Special::nsmid: return block.run->options->sm_count;
        case Special::gridid: return 1;
        case Special::dynamic_smem_size: return launch.dynamic_shared;
        case Special::total_smem_size: return block.shared_bytes;
        case Special::envreg1: return block.run->grid_workspace >> 32;
        case Special::envreg2: return block.run->grid_workspace & 0xFFFFFFFFu;
        default: return 0;
    }
}

/// A thread's position, without dividing for every lane.
void fill_thread(WarpState& warp, const SpecialSlot& slot) {
    const std::array<std::uint32_t, 3>& size = warp.block->run->launch->block;
    std::array<std::uint32_t, 3> at = thread_of(warp, 0);
    std::uint32_t* lanes = warp.lanes<std::uint32_t>(slot.slot);
    const std::size_t which = axis(slot.which, Special::tid_x);
    for (std::uint32_t lane = 0; lane < k_lanes; ++lane) {
        lanes[lane] = at[which];
        if (++at[0] == size[0]) {
            at[0] = 0;
            if (++at[1] == size[1]) {
                at[1] = 0;
                ++at[2];
            }
        }
    }
}

bool same_for_all(Special which) {
    return which != Special::laneid &&
           (which < Special::lanemask_eq || which > Special::lanemask_gt);
}

template <class T>
void fill(WarpState& warp, const SpecialSlot& slot) {
    T* lanes = warp.lanes<T>(slot.slot);
    if (same_for_all(slot.which)) {
        std::fill_n(lanes, k_lanes, static_cast<T>(value_of(warp, slot.which, 0)));
        return;
    }
    for (std::uint32_t lane = 0; lane < k_lanes; ++lane) {
        lanes[lane] = static_cast<T>(value_of(warp, slot.which, lane));
    }
}

}  // namespace

std::optional<Special> find_special(std::string_view name) {
    for (const Entry& entry : k_specials) {
        if (entry.name == name) {
            return entry.which;
        }
    }
    if (name.starts_with("%envreg")) {
        return Special::envreg;
    }
    return std::nullopt;
}

int special_bytes(Special special) {
    for (const Entry& entry : k_specials) {
        if (entry.which == special) {
            return entry.bytes;
        }
    }
    return 4;
}

void fill_specials(WarpState& warp, const Program& program) {
    for (const SpecialSlot& slot : program.specials) {
        if (slot.which <= Special::tid_z && slot.bytes == 4) {
            fill_thread(warp, slot);
        } else if (slot.bytes == 8) {
            fill<std::uint64_t>(warp, slot);
        } else if (slot.bytes == 4) {
            fill<std::uint32_t>(warp, slot);
        } else {
            warp.predicate(slot.slot) = static_cast<Lanes>(value_of(warp, slot.which, 0));
        }
    }
}

void run_changing_special(const Insn& insn, Warp& warp, Lanes active) {
    // Time is instructions: a cycle an instruction of this block, a nanosecond each as well.
    const Block& block = *warp.block;
    const auto which = static_cast<Special>(insn.mods);
    std::uint64_t now = ++block.worker->clock;
    if (which == Special::clock_hi || which == Special::globaltimer_hi) {
        now >>= 32;
    }
    for (std::size_t lane = 0; lane < k_lanes; ++lane) {
        if (((active >> lane) & 1) == 0) {
            continue;
        }
        if ((insn.wide & 1) != 0) {
            warp.lanes<std::uint64_t>(insn.slot[0])[lane] = now;
        } else {
            warp.lanes<std::uint32_t>(insn.slot[0])[lane] = static_cast<std::uint32_t>(now);
        }
    }
}

}  // namespace kw::emu
