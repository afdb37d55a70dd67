// SPDX-License-Identifier: Apache-2.0
// The emulated CUDA device: runs one kernel of a parsed module on a grid. Thirty-two lanes execute
// an instruction at a time; divergent lanes form groups of which the lowest PC runs first. Blocks
// run independently on worker threads; those of a cooperative launch or a cluster together.
#pragma once

#include "evaluator/device/emulated/engine/memory.hpp"
#include "evaluator/device/emulated/engine/report.hpp"

#include <atomic>
#include <chrono>

namespace kw::emu {

struct Launch {
    std::string kernel;
    std::array<std::uint32_t, 3> grid{1, 1, 1};
    std::array<std::uint32_t, 3> block{1, 1, 1};
    std::array<std::uint32_t, 3> cluster{1, 1, 1};
    std::uint32_t dynamic_shared = 0;  ///< bytes
    /// Laid out as the kernel's .param declarations are; exactly as many bytes.
    std::vector<std::byte> parameters;
    bool cooperative = false;  ///< all blocks are resident at once (grid synchronisation)
};

/// Bounds, alignment and write protection are always checked; these cost time and are chosen.
struct Checks {
    bool initialised = false;  ///< global, shared, local (warnings); and unwritten outputs
    bool races = false;        ///< shared memory
    bool global_races = false;
    [[nodiscard]] static Checks all() { return {true, true, true}; }
};

struct Options {
    Checks checks;
    /// Order of the warps of a block, 0: by index; and what memory that nobody wrote holds.
    std::uint64_t seed = 0;
    std::uint64_t instruction_budget = std::uint64_t{1} << 42;  ///< thread-instructions
    /// A run that has to be repeated by one worker has it twice.
    std::int64_t wall_budget_ms = 600'000;
    int threads = 1;
    std::vector<std::uint64_t> sampled_blocks;  ///< linear indices; empty: all
    std::size_t log_bytes = std::size_t{64} << 10;
    std::size_t max_findings = 100;
    std::size_t max_shared = 227 * 1024;           ///< bytes a block may have
    std::size_t max_state = std::size_t{2} << 30;  ///< bytes of registers, shared and local memory
    std::uint32_t sm_count = 132;                  ///< %nsmid
    bool lane_by_lane = false;                     ///< tests: the checks take no warp as a whole
    const std::atomic<bool>* stop = nullptr;       ///< set by another thread: end as a hang
    /// Tests: after how many steps of a block the race check of shared memory counts anew.
    std::uint64_t most_segments = ~std::uint64_t{0};
    /// What the time budget goes by. Tests have one of their own.
    std::chrono::steady_clock::time_point (*now)() = &std::chrono::steady_clock::now;
};

/// The offset and size of each parameter of a kernel in Launch::parameters.
struct Parameter {
    std::string name;
    char kind = 'b';
    std::uint8_t bits = 8;
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
    std::uint32_t align = 1;
};
/// Nothing when the module has no such kernel.
[[nodiscard]] std::optional<std::vector<Parameter>> kernel_parameters(
    const Module& module, std::string_view kernel);

/// Never throws for a bad kernel and never leaves the allocations of `memory`; std::bad_alloc
/// alone may escape.
[[nodiscard]] Report run(
    const Module& module, const Launch& launch, Memory& memory, const Options& options);

}  // namespace kw::emu
