// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/barriers.hpp"

#include "evaluator/device/emulated/engine/warp_control.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

std::uint32_t popcount(Lanes lanes) {
    return static_cast<std::uint32_t>(__builtin_popcount(lanes));
}

std::uint32_t alive_warps(const Block& block) {
    std::uint32_t mask = 0;
    for (const WarpState& warp : block.warps) {
        mask |= warp.done() ? 0 : 1U << warp.index;
    }
    return mask;
}

bool complete(const Block& block, const Barrier& barrier) {
    if (barrier.expected == 0) {
        return barrier.arrived >= block.live;
    }
    return barrier.arrived >= barrier.expected;
}

void write_result(WarpState& warp, const Group& group, const Barrier& barrier) {
    const Insn& insn = *group.result;
    const auto kind = static_cast<BarrierResult>(insn.mods & 3);
    if (kind == BarrierResult::popc) {
        std::uint32_t* out = warp.lanes<std::uint32_t>(insn.slot[0]);
        for (std::size_t lane = 0; lane < k_lanes; ++lane) {
            out[lane] = ((group.lanes >> lane) & 1) != 0 ? barrier.ones : out[lane];
        }
        return;
    }
    const bool value =
        kind == BarrierResult::all ? barrier.ones == barrier.votes : barrier.ones != 0;
    Lanes& out = warp.predicate(insn.slot[0]);
    out = value ? out | group.lanes : out & ~group.lanes;
}

/// Threads had returned before a barrier of the whole block.
void note_exited(Block& block, const Barrier& barrier) {
    if (barrier.expected != 0 || block.live == block.run->threads_per_block) {
        return;
    }
    for (WarpState& warp : block.warps) {
        if (warp.exited != 0) {
            Defect defect;
            defect.kind = FindingKind::barrier_after_exit;
            defect.severity = Severity::warning;
            defect.count = block.run->threads_per_block - block.live;
            defect.detail = "threads had returned before the barrier of the whole block";
            report(warp, *barrier.insn, __builtin_ctz(warp.exited), defect);
            return;
        }
    }
}

void release(Block& block, std::uint32_t number) {
    Barrier& barrier = block.barriers[number];
    note_exited(block, barrier);
    for (WarpState& warp : block.warps) {
        for (std::uint32_t i = 0; i < warp.group_count; ++i) {
            Group& group = warp.groups[i];
            if (group.wait == Wait::barrier && group.barrier == number) {
                if (group.result != nullptr) {
                    write_result(warp, group, barrier);
                    group.result = nullptr;
                }
                group.wait = Wait::none;
            }
        }
    }
    if (block.shadow) {
        const std::uint32_t alive = alive_warps(block);
        block.shadow->block_barrier(barrier.warps, (alive & ~barrier.warps) == 0);
    }
    barrier = Barrier{};
    block.barriers_used &= ~(1U << number);
}

bool invalid(WarpState& warp, const Insn& insn, Lanes active, const Arrival& arrival) {
    const bool bad_count =
        arrival.expected % k_lanes != 0 || arrival.expected > block_threads_rounded(*warp.block);
    if (arrival.number < k_barriers && !bad_count) {
        return false;
    }
    Defect defect;
    defect.kind = FindingKind::invalid_barrier;
    defect.count = popcount(active);
    defect.detail = bad_count ? "the number of threads is no multiple of 32 or more than there are"
                              : "barriers have numbers from 0 to 15";
    report(warp, insn, __builtin_ctz(active), defect);
    return true;
}

}  // namespace

std::uint32_t block_threads_rounded(const Block& block) {
    return block.run->warps_per_block * static_cast<std::uint32_t>(k_lanes);
}

void arrive(WarpState& warp, const Insn& insn, Lanes active, const Arrival& arrival) {
    if (invalid(warp, insn, active, arrival)) {
        return;
    }
    if (arrival.aligned &&
        !converged(warp, insn, active, warp.alive(), FindingKind::divergent_barrier)) {
        return;
    }
    Block& block = *warp.block;
    Barrier& barrier = block.barriers[arrival.number];
    if (barrier.insn == nullptr) {
        barrier.insn = &insn;
        barrier.expected = arrival.expected;
    }
    block.barriers_used |= 1U << arrival.number;
    const bool whole_warps = arrival.aligned && barrier.expected != 0;
    barrier.arrived += whole_warps ? static_cast<std::uint32_t>(k_lanes) : popcount(active);
    barrier.warps |= 1U << warp.index;
    barrier.ones += arrival.ones;
    barrier.votes += popcount(active);
    if (arrival.waits) {
        Group group;
        group.pc = warp.pc;
        group.wait = Wait::barrier;
        group.barrier = static_cast<std::uint8_t>(arrival.number);
        group.result = arrival.result;
        park(warp, active, group);
    }
}

bool release_barriers(Block& block) {
    bool any = false;
    for (std::uint32_t left = block.barriers_used; left != 0; left &= left - 1) {
        const auto number = static_cast<std::uint32_t>(__builtin_ctz(left));
        if (complete(block, block.barriers[number])) {
            release(block, number);
            any = true;
        }
    }
    return any;
}

bool force_barrier(Block& block) {
    for (WarpState& warp : block.warps) {
        for (std::uint32_t i = 0; i < warp.group_count; ++i) {
            const Group& group = warp.groups[i];
            if (group.wait != Wait::barrier || group.barrier == k_cluster_barrier) {
                continue;
            }
            Defect defect;
            defect.kind = FindingKind::divergent_barrier;
            defect.detail = "the other threads that it needs wait elsewhere or never come";
            const Barrier& barrier = block.barriers[group.barrier];
            const std::uint32_t expected = barrier.expected == 0 ? block.live : barrier.expected;
            defect.count = expected - std::min(expected, barrier.arrived);
            report(warp, *barrier.insn, __builtin_ctz(group.lanes), defect);
            release(block, group.barrier);
            return true;
        }
    }
    return false;
}

void arrive_cluster(WarpState& warp, Lanes active) {
    Block& block = *warp.block;
    for (Lanes left = active; left != 0; left &= left - 1) {
        warp.cluster_phase[static_cast<std::size_t>(__builtin_ctz(left))] = block.cluster->phase;
    }
    block.cluster->arrived += popcount(active);
}

void wait_cluster(WarpState& warp, const Insn& insn, Lanes active) {
    (void)insn;
    Group group;
    group.pc = warp.pc;
    group.wait = Wait::barrier;
    group.barrier = k_cluster_barrier;
    park(warp, active, group);
}

/// All threads of the cluster have arrived: what they did so far is over for all blocks.
void meet(Cluster& cluster) {
    ClusterOrder::Cuts cuts{};
    for (const Block* member : cluster.blocks) {
        if (member->shadow) {
            cuts[member->rank] = member->shadow->cut();
        }
    }
    cluster.order.meet(cuts);
}

bool release_cluster(Block& block) {
    Cluster& cluster = *block.cluster;
    std::uint32_t live = 0;
    for (const Block* member : cluster.blocks) {
        live += member->live;
    }
    if (cluster.arrived != 0 && cluster.arrived >= live) {
        cluster.arrived = 0;
        ++cluster.phase;
        meet(cluster);
    }
    bool any = false;
    for (WarpState& warp : block.warps) {
        const std::uint32_t groups = warp.group_count;
        for (std::uint32_t i = 0; i < groups; ++i) {
            Group& group = warp.groups[i];
            if (group.wait != Wait::barrier || group.barrier != k_cluster_barrier) {
                continue;
            }
            const auto lane = static_cast<std::size_t>(__builtin_ctz(group.lanes));
            if (warp.cluster_phase[lane] < cluster.phase) {
                group.wait = Wait::none;
                any = true;
                if (block.shadow) {
                    block.shadow->cluster_barrier();
                }
            }
        }
    }
    return any;
}

}  // namespace kw::emu
