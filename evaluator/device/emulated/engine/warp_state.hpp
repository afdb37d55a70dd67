// SPDX-License-Identifier: Apache-2.0
// A warp as the scheduler sees it: groups of lanes that stand at the same instruction. One group
// runs at a time; the others are listed with what they wait for.
#pragma once

#include "evaluator/device/emulated/engine/report.hpp"

namespace kw::emu {

struct AsyncQueue;

enum class Wait : std::uint8_t {
    none,
    lanes,    ///< stands at a .sync instruction until the lanes that its mask names are there too
    barrier,  ///< has arrived at a barrier of the block; its pc is the instruction after it
};

struct Group {
    std::uint32_t pc = 0;
    Lanes lanes = 0;
    Wait wait = Wait::none;
    bool forced = false;           ///< executes the .sync instruction with the lanes it has
    bool deserted = false;         ///< lanes that it waited for have exited elsewhere
    bool warp_sync = false;        ///< at a bar.warp.sync, whose lanes may meet at different ones
    std::uint8_t barrier = 0;      ///< number, if it waits for one
    Lanes mask = 0;                ///< all lanes that have to meet
    Lanes missing = 0;             ///< those of them that it waits for
    const Insn* result = nullptr;  ///< bar.red: what takes the result
};

struct WarpState : Warp {
    const Insn* code = nullptr;
    const std::uint8_t* leaving = nullptr;  ///< Program::leaving
    InsnCounts* counts = nullptr;           ///< an entry an instruction
    std::uint32_t pc = 0;     ///< of the running group: while a handler runs, the next one
    std::uint32_t limit = 0;  ///< the running group stops before this pc; 0: at once
    Lanes active = 0;         ///< the running group
    Lanes exited = 0;
    Lanes exited_seen = 0;    ///< when groups were last looked at
    bool forced = false;      ///< Group::forced of the running group
    bool deserted = false;    ///< the same
    bool yield = false;       ///< lets other warps run first
    std::int64_t fuel = 0;    ///< instructions until other warps get a turn
    std::uint32_t loops = 0;  ///< backward branches while other groups were ready
    std::uint32_t turn = 0;   ///< not 0: which ready group is preferred to the lowest pc
    std::uint32_t group_count = 0;
    std::array<Group, k_lanes> groups;      ///< all but the running one
    std::byte* local = nullptr;             ///< of lane 0; lanes follow each other
    std::uint8_t* local_written = nullptr;  ///< a byte per byte, or nullptr: not checked
    std::uint32_t local_bytes = 0;          ///< of a lane
    AsyncQueue* async = nullptr;
    std::array<std::uint64_t, k_lanes> cluster_phase{};  ///< in which a lane arrived last

    [[nodiscard]] Lanes alive() const { return present & ~exited; }
    [[nodiscard]] bool done() const { return alive() == 0; }
    [[nodiscard]] std::size_t index_of(const Insn& insn) const {
        return static_cast<std::size_t>(&insn - code);
    }
};

[[nodiscard]] inline WarpState& state(Warp& warp) {
    return static_cast<WarpState&>(warp);
}

}  // namespace kw::emu
