// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/warp_control.hpp"

#include "evaluator/device/emulated/engine/findings.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

/// Divergent lanes run the lowest pc; after this many backward branches of one group while others
/// could run, another one gets a turn: the owner of a lock may be among them.
constexpr std::uint32_t k_patience = 4096;
constexpr std::int64_t k_fuel = 16384;

void remove(WarpState& warp, std::uint32_t i) {
    warp.groups[i] = warp.groups[--warp.group_count];
}

void put_back(WarpState& warp) {
    if (warp.active != 0) {
        Group group;
        group.pc = warp.pc;
        group.lanes = warp.active;
        group.forced = warp.forced;
        group.deserted = warp.deserted;
        warp.groups[warp.group_count++] = group;
        warp.active = 0;
        warp.forced = false;
        warp.deserted = false;
    }
}

bool somebody_ready_at(const WarpState& warp, std::uint32_t pc) {
    return std::any_of(
        warp.groups.begin(), warp.groups.begin() + warp.group_count, [pc](const Group& group) {
            return group.pc == pc && group.wait == Wait::none;
        });
}

/// Groups at the same pc become one; those that waited there for lanes are ready again. Where all
/// wait, for different lanes, nothing is new.
void merge(WarpState& warp) {
    for (std::uint32_t i = 0; i < warp.group_count; ++i) {
        Group& group = warp.groups[i];
        if (group.wait == Wait::barrier || !somebody_ready_at(warp, group.pc)) {
            continue;
        }
        for (std::uint32_t j = warp.group_count - 1; j > i; --j) {
            const Group& other = warp.groups[j];
            if (other.pc == group.pc && other.wait != Wait::barrier) {
                group.lanes |= other.lanes;
                group.wait = Wait::none;
                group.forced = group.forced || other.forced;
                group.deserted = group.deserted || other.deserted;
                remove(warp, j);
            }
        }
    }
}

/// After lanes have exited, those that wait look again whom they wait for.
void wake_after_exit(WarpState& warp) {
    if (warp.exited == warp.exited_seen) {
        return;
    }
    const Lanes fresh = warp.exited & ~warp.exited_seen;
    warp.exited_seen = warp.exited;
    for (std::uint32_t i = 0; i < warp.group_count; ++i) {
        Group& group = warp.groups[i];
        if (group.wait == Wait::lanes) {
            group.wait = Wait::none;
            group.deserted = group.deserted || (group.missing & fresh) != 0;
        }
    }
}

/// The ready group with the lowest pc, or, when it is another's turn, the `turn`th ready one above.
std::uint32_t choose(const WarpState& warp) {
    std::uint32_t best = k_lanes;
    std::array<std::uint32_t, k_lanes> ready_groups{};
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < warp.group_count; ++i) {
        if (warp.groups[i].wait == Wait::none) {
            ready_groups[count++] = i;
            if (best == k_lanes || warp.groups[i].pc < warp.groups[best].pc) {
                best = i;
            }
        }
    }
    if (warp.turn == 0 || count < 2) {
        return best;
    }
    std::sort(ready_groups.begin(), ready_groups.begin() + count, [&](auto a, auto b) {
        return warp.groups[a].pc < warp.groups[b].pc;
    });
    return ready_groups[warp.turn % count];
}

/// Picks the group to run. False: none is ready.
bool pick(WarpState& warp) {
    put_back(warp);
    if (warp.group_count == 1 && warp.groups[0].wait == Wait::none) {
        const Group& only = warp.groups[0];
        warp.pc = only.pc;
        warp.active = only.lanes;
        warp.forced = only.forced;
        warp.deserted = only.deserted;
        warp.limit = 0xFFFFFFFFu;
        warp.group_count = 0;
        warp.loops = 0;
        warp.turn = 0;
        return true;
    }
    wake_after_exit(warp);
    merge(warp);
    const std::uint32_t best = choose(warp);
    if (best == k_lanes) {
        return false;
    }
    const Group chosen = warp.groups[best];
    remove(warp, best);
    warp.pc = chosen.pc;
    warp.active = chosen.lanes;
    warp.forced = chosen.forced;
    warp.deserted = chosen.deserted;
    warp.limit = 0xFFFFFFFFu;
    for (std::uint32_t i = 0; i < warp.group_count; ++i) {
        const Group& other = warp.groups[i];
        if (other.wait != Wait::barrier && other.pc > warp.pc) {
            warp.limit = std::min(warp.limit, other.pc);
        }
    }
    return true;
}

/// Runs the chosen group until it reaches another one or a handler says so.
std::uint64_t execute(WarpState& warp) {
    const Insn* const code = warp.code;
    InsnCounts* const counts = warp.counts;
    std::uint64_t executed = 0;
    while (warp.pc < warp.limit) {
        const std::uint32_t pc = warp.pc++;
        const Insn& insn = code[pc];
        Lanes active = warp.active;
        if (insn.guarded) {
            const Lanes guard = warp.predicate(insn.guard);
            active &= insn.guard_negated ? ~guard : guard;
            if (active == 0) {
                continue;
            }
        }
        ++executed;
        ++counts[pc].warps;
        counts[pc].threads += active == k_all_lanes
                                  ? k_lanes
                                  : static_cast<std::uint32_t>(__builtin_popcount(active));
        insn.run(insn, warp, active);
    }
    return executed;
}

}  // namespace

void start_warp(WarpState& warp) {
    warp.pc = 0;
    warp.limit = 0;
    warp.active = warp.present;
    warp.exited = 0;
    warp.exited_seen = 0;
    warp.carry = 0;
    warp.forced = false;
    warp.deserted = false;
    warp.yield = false;
    warp.loops = 0;
    warp.turn = 0;
    warp.group_count = 0;
    warp.cluster_phase.fill(0);
}

std::uint64_t run_warp(WarpState& warp) {
    std::uint64_t executed = 0;
    warp.fuel = k_fuel;
    warp.yield = false;
    while (warp.fuel > 0 && !warp.yield && pick(warp)) {
        if (warp.group_count != 0 && warp.loops > k_patience) {
            warp.loops = 0;
            ++warp.turn;
        }
        const std::uint64_t now = execute(warp);
        executed += now;
        if (now == 0) {
            --warp.fuel;  // guards that are false everywhere
        }
    }
    put_back(warp);
    warp.limit = 0;
    return executed;
}

void split(WarpState& warp, Lanes taken, std::uint32_t target) {
    Group group;
    group.pc = target;
    group.lanes = taken;
    warp.groups[warp.group_count++] = group;
    warp.active &= ~taken;
    warp.limit = 0;
}

void park(WarpState& warp, Lanes lanes, Group group) {
    group.lanes = lanes;
    warp.groups[warp.group_count++] = group;
    warp.active &= ~lanes;
    warp.limit = 0;
}

Lanes gone_lanes(const WarpState& warp) {
    Lanes gone = warp.exited;
    for (std::uint32_t i = 0; i < warp.group_count; ++i) {
        const Group& group = warp.groups[i];
        if (group.wait == Wait::none && warp.leaving[group.pc] != 0) {
            gone |= group.lanes;
        }
    }
    return gone;
}

bool converged(
    WarpState& warp,
    const Insn& insn,
    Lanes active,
    Lanes mask,
    FindingKind kind,
    Lanes elsewhere) {
    const Lanes here = active | elsewhere;
    if ((mask & warp.alive() & ~here) == 0 && !warp.deserted) {
        return true;
    }
    const Lanes missing = mask & warp.present & ~here & ~gone_lanes(warp);
    const bool forced = warp.forced && missing != 0;
    if (forced || (missing == 0 && warp.deserted)) {
        const Lanes absent = missing != 0 ? missing : mask & warp.exited;
        Defect defect;
        defect.kind = kind;
        defect.count = static_cast<std::uint64_t>(__builtin_popcount(absent));
        defect.detail = missing == 0 ? "other lanes of the warp went on and returned without it"
                                     : "other lanes of the warp wait elsewhere or never come";
        report(warp, insn, absent != 0 ? __builtin_ctz(absent) : 0, defect);
    }
    warp.forced = false;
    if (missing == 0 || forced) {
        warp.deserted = false;
        return true;
    }
    Group group;
    group.pc = static_cast<std::uint32_t>(warp.index_of(insn));
    group.wait = Wait::lanes;
    group.mask = mask;
    group.missing = missing;
    group.deserted = warp.deserted;
    warp.deserted = false;
    park(warp, active, group);
    return false;
}

bool force_group(WarpState& warp) {
    std::uint32_t best = k_lanes;
    for (std::uint32_t i = 0; i < warp.group_count; ++i) {
        if (warp.groups[i].wait == Wait::lanes &&
            (best == k_lanes || warp.groups[i].pc < warp.groups[best].pc)) {
            best = i;
        }
    }
    if (best == k_lanes) {
        return false;
    }
    warp.groups[best].wait = Wait::none;
    warp.groups[best].forced = true;
    return true;
}

bool ready(const WarpState& warp) {
    if (warp.active != 0) {
        return true;
    }
    for (std::uint32_t i = 0; i < warp.group_count; ++i) {
        if (warp.groups[i].wait == Wait::none) {
            return true;
        }
    }
    return warp.exited != warp.exited_seen && warp.group_count != 0;
}

}  // namespace kw::emu
