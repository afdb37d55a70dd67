// SPDX-License-Identifier: Apache-2.0
// What a launch on the emulated device gives: how it ended, what the checks found, what was
// counted.
#pragma once

#include "evaluator/device/emulated/engine/insn.hpp"

namespace kw::emu {

enum class FindingKind : std::uint8_t {
    // memcheck
    out_of_bounds,
    misaligned,
    write_to_read_only,
    // initcheck
    uninitialised_read,
    async_copy_not_waited,  ///< cp.async data read before its wait_group
    unwritten_output,
    // racecheck
    shared_race,
    global_race,  ///< between two blocks of one launch
    // synccheck
    divergent_barrier,    ///< lanes of a warp or warps of a block that never reach it
    barrier_after_exit,   ///< threads had returned before the barrier
    unconverged_warp_op,  ///< lanes that the mask of shfl.sync ... names never came
    exited_lane_in_mask,
    invalid_mask,  ///< a lane executes a .sync instruction whose mask does not name it
    invalid_barrier,
    // the kernel itself
    trap,
    assertion,    ///< __assertfail
    bad_address,  ///< a wrong kind of address, a branch index beyond its table
    count,
};
[[nodiscard]] const char* finding_name(FindingKind kind);

enum class Severity : std::uint8_t { information, warning, error };
[[nodiscard]] const char* severity_name(Severity severity);

enum class Hazard : std::uint8_t { none, read_after_write, write_after_read, write_after_write };

/// One defect: findings of the same kind at the same instruction are one, with a count.
struct Finding {
    FindingKind kind = FindingKind::out_of_bounds;
    Severity severity = Severity::error;
    Hazard hazard = Hazard::none;
    Space space = Space::global;
    bool write = false;
    Location at;                ///< of the instruction; all 0 for unwritten_output
    Location other;             ///< of the earlier access of a race, where it is known
    std::uint32_t bytes = 0;    ///< of one lane's access
    std::uint64_t address = 0;  ///< in `space`
    std::string allocation;     ///< buffer or variable that is meant, "" if none
    std::int64_t offset = 0;    ///< of the access in the allocation; beyond it or negative: outside
    std::uint64_t allocation_bytes = 0;
    std::array<std::uint32_t, 3> block{};
    std::array<std::uint32_t, 3> thread{};
    std::uint32_t warp = 0;
    std::uint32_t lane = 0;
    std::uint64_t count = 0;  ///< lanes (bytes, for unwritten_output)
    std::string detail;       ///< what else there is to say, "" mostly
};
/// One line: what happened, to which address of which buffer, by whom, where in the source.
[[nodiscard]] std::string describe(const Finding& finding, const Module& module);

/// Counted for one instruction, over all blocks that ran.
struct InsnCounts {
    std::uint64_t warps = 0;       ///< executions by a warp with at least one active lane
    std::uint64_t threads = 0;     ///< active lanes of these
    std::uint64_t requests = 0;    ///< memory: warp-wide accesses
    std::uint64_t sectors = 0;     ///< global: distinct 32-byte sectors
    std::uint64_t lines = 0;       ///< global: distinct 128-byte lines
    std::uint64_t wavefronts = 0;  ///< shared: passes, bank conflicts included
    std::uint64_t excess = 0;      ///< shared: passes beyond what the width of the access needs
    std::uint64_t divergent = 0;   ///< branches that split a warp

    void add(const InsnCounts& other);
};

struct InsnReport {
    Location at;
    std::string opcode;
    Work work = Work::other;
    InsnCounts counts;
};

struct Counters {
    std::array<InsnCounts, static_cast<std::size_t>(Work::count)> by_work{};
    std::vector<InsnReport> instructions;  ///< those that ran, in the order of the PTX
    std::uint64_t warp_instructions = 0;
    std::uint64_t thread_instructions = 0;
    std::uint64_t barriers = 0;  ///< executions by a warp
    std::uint64_t atomics = 0;   ///< threads
    std::uint64_t mma = 0;       ///< warp-wide matrix operations
    std::uint64_t blocks_run = 0;
    std::uint64_t blocks_total = 0;
    /// Largest relative difference of a block's warp instructions from the mean of the blocks that
    /// ran: 0 when all blocks did the same work.
    double block_variation = 0;
};

enum class Ending : std::uint8_t {
    completed,
    faulted,      ///< a finding that would kill the kernel on a GPU (out of bounds, trap ...)
    hang,         ///< instruction or wall budget spent, or every thread waits
    unsupported,  ///< Report::error says which instruction form
    bad_launch,   ///< Report::error says what does not fit the kernel
};
[[nodiscard]] const char* ending_name(Ending ending);

struct Report {
    Ending ending = Ending::completed;
    PtxError error;                 ///< message empty unless unsupported or bad_launch
    std::string hang;               ///< why it was stopped and where the threads were, "" else
    std::vector<Finding> findings;  ///< most severe first, then by place
    bool findings_capped = false;
    Counters counters;
    std::string log;                 ///< of vprintf; cut at Options::log_bytes
    std::uint32_t shared_bytes = 0;  ///< of a block, dynamic included
    std::uint32_t local_bytes = 0;   ///< of a thread
    std::uint32_t frame_bytes = 0;   ///< of a warp: registers and constants
    std::uint32_t threads_per_block = 0;
    std::uint64_t shadow_bytes = 0;  ///< what the checks kept, at most, untouched pages included
    int workers = 1;                 ///< that ran the blocks
    double wall_s = 0;
};

}  // namespace kw::emu
