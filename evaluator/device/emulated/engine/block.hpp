// SPDX-License-Identifier: Apache-2.0
// A block while it is resident: its warps, shared memory, barriers and shadows; the worker thread
// that runs it; and what all workers of a launch share. Handlers reach all of it from a warp.
#pragma once

#include "evaluator/device/emulated/engine/access_shape.hpp"
#include "evaluator/device/emulated/engine/machine.hpp"
#include "evaluator/device/emulated/engine/ops_async.hpp"
#include "evaluator/device/emulated/engine/program.hpp"
#include "evaluator/device/emulated/engine/shadow_concurrent.hpp"
#include "evaluator/device/emulated/engine/shadow_global.hpp"

#include <chrono>

namespace kw::emu {

inline constexpr std::string_view k_time_spent = "the time budget is spent";

/// What all workers share: constant while the launch runs, but for the atomics and the log.
struct Run {
    const Program* program = nullptr;
    const Launch* launch = nullptr;
    const Options* options = nullptr;
    Memory* memory = nullptr;
    // At most one of the two; both nullptr: races between blocks are not checked.
    GlobalShadow* global_shadow = nullptr;          ///< of a single worker
    ConcurrentShadow* concurrent_shadow = nullptr;  ///< of several
    std::uint32_t threads_per_block = 0;
    std::uint32_t warps_per_block = 0;
    std::uint64_t blocks = 0;
    std::uint64_t grid_workspace = 0;  ///< address, of a cooperative launch
    std::chrono::steady_clock::time_point begin;
    std::chrono::steady_clock::time_point deadline;
    // On lines of their own: all workers read the flags all the time, and write `spent` often.
    alignas(64) std::atomic<bool> stopped{false};
    std::atomic<bool> trapped{false};                 ///< stopped because a thread executed trap
    alignas(64) std::atomic<std::uint64_t> spent{0};  ///< warp instructions, and charge()
    std::mutex mutex;                                 ///< of what follows
    std::string log;
    std::string hang;

    /// Whether accesses to an allocation are checked for races between blocks.
    [[nodiscard]] bool watches(std::size_t slot) const {
        return concurrent_shadow != nullptr
                   ? concurrent_shadow->watches(slot)
                   : global_shadow != nullptr && global_shadow->watches(slot);
    }
    /// Adds work, in warp instructions, to what is spent, and ends the run when that is a budget or
    /// when somebody wants it to end.
    void spend(std::uint64_t work);
    /// One worker has to say what happened: ends this run.
    void doubt() { stopped.store(true, std::memory_order_relaxed); }
    void stop_with(std::string_view why);
    void print(std::string_view text);
};

/// A thread of the host. Counts and findings are its own and are merged at the end.
struct Worker {
    explicit Worker(Run& of);

    Run* run = nullptr;
    std::vector<InsnCounts> counts;
    std::vector<AccessShape> shapes;
    Findings findings;
    std::uint64_t blocks_run = 0;
    std::uint64_t executed = 0;                ///< warp instructions of finished blocks
    std::uint64_t fewest = ~std::uint64_t{0};  ///< warp instructions of a block
    std::uint64_t most = 0;
    /// What %clock64 shows: instructions of earlier turns, and one more each time it is read.
    std::uint64_t clock = 0;
};

/// One of the sixteen named barriers of a block.
struct Barrier {
    std::uint32_t expected = 0;  ///< threads; 0: all that are alive
    std::uint32_t arrived = 0;   ///< threads
    bool aligned = false;        ///< counts whole warps
    std::uint32_t warps = 0;     ///< bit a warp that has arrived (or part of it)
    std::uint32_t ones = 0;      ///< of bar.red: threads whose predicate was true
    std::uint32_t votes = 0;
    const Insn* insn = nullptr;  ///< the first to arrive, for findings
};
inline constexpr std::size_t k_barriers = 16;

struct Block;
struct Cluster;

/// A bulk copy into shared memory: lands when a thread has waited for its mbarrier. The block that
/// has the mbarrier keeps it.
struct BulkCopy {
    std::uint64_t barrier = 0;  ///< offset of the mbarrier
    bool odd = false;           ///< parity of the phase that it belongs to
    WarpState* issuer = nullptr;
    int lane = 0;
    const Insn* insn = nullptr;
    Block* into = nullptr;
    std::uint32_t to = 0;  ///< offset in its shared memory
    std::vector<std::byte> data;
    /// Offsets of the 16-byte units of `data` that are written; empty: all.
    std::vector<std::uint32_t> units;
};

struct Block {
    Worker* worker = nullptr;
    Run* run = nullptr;
    const Program* program = nullptr;
    std::uint64_t index = 0;  ///< linear in the grid
    std::array<std::uint32_t, 3> id{};
    std::uint32_t rank = 0;  ///< in its cluster
    Cluster* cluster = nullptr;
    std::byte* shared = nullptr;
    std::uint32_t shared_bytes = 0;
    std::uint32_t live = 0;  ///< threads that have not exited; kept by the scheduler
    std::vector<WarpState> warps;
    std::vector<std::uint32_t> order;  ///< in which warps are run
    std::array<Barrier, k_barriers> barriers;
    std::uint32_t barriers_used = 0;       ///< bit a barrier at which somebody waits
    std::unique_ptr<SharedShadow> shadow;  ///< nullptr: not checked
    GlobalTime global_time;
    std::uint64_t executed = 0;  ///< warp instructions
    std::uint64_t unspent = 0;   ///< work that Run::spend() has not been told of
    std::uint32_t forced = 0;    ///< times that waiting threads had to be let go

    std::vector<std::byte> storage;  ///< what frames, local and shared memory lie in
    std::vector<std::uint8_t> local_written;
    std::vector<AsyncQueue> async;
    std::deque<BulkCopy> bulk;   ///< in flight, to complete on this block's mbarriers
    std::size_t bulk_bytes = 0;  ///< of their data
};

/// Blocks that may read each other's shared memory.
struct Cluster {
    std::vector<Block*> blocks;  ///< by rank
    std::uint32_t arrived = 0;   ///< threads at barrier.cluster
    std::uint64_t phase = 0;
    ClusterOrder order;  ///< of accesses to each other's shared memory
};

/// `which`: of the instruction's addresses in brackets; it has to have one.
[[nodiscard]] inline AccessShape& shape_of(
    WarpState& warp, const Insn& insn, std::uint32_t which = 0) {
    return warp.block->worker->shapes[warp.block->program->shape_of[warp.index_of(insn)] + which];
}

/// Makes room for one block; start_block() fills it.
[[nodiscard]] std::unique_ptr<Block> make_block(Worker& worker);
/// Sets the block to the beginning of block `index` of the grid.
void start_block(Block& block, std::uint64_t index);
/// Bytes that one resident block needs, and what of it is the checks' shadow.
[[nodiscard]] std::uint64_t block_state_bytes(const Run& run);
[[nodiscard]] std::uint64_t block_shadow_bytes(const Run& run);

enum class Progress : std::uint8_t {
    finished,
    running,  ///< its share of instructions is spent
    waiting,  ///< for another block
};
/// Runs every warp once, as far as it gets.
Progress advance(Block& block);

/// For handlers of instructions whose work has no small bound: `work` of it, in warp instructions
/// of about the same cost, comes off the warp's turn and the launch's budgets. False: the run is
/// over, and what is left of the instruction need not be done.
bool charge(WarpState& warp, std::uint64_t work);

/// A thread's position in its block.
[[nodiscard]] std::array<std::uint32_t, 3> thread_of(const WarpState& warp, int lane);

}  // namespace kw::emu
