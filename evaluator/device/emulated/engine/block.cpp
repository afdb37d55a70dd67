// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/block.hpp"

#include "evaluator/device/emulated/engine/barriers.hpp"
#include "evaluator/device/emulated/engine/specials.hpp"
#include "evaluator/device/emulated/engine/warp_control.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace kw::emu {
namespace {

constexpr std::uint32_t k_max_forced = 1000;
/// Work of a block, in warp instructions, after which the budgets are looked at within its turn.
constexpr std::uint64_t k_long_turn = 16384;

std::size_t round_up(std::size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

std::size_t local_of_warp(const Program& program) {
    return round_up(std::size_t{program.local_bytes} * k_lanes);
}

std::uint64_t mix(std::uint64_t x) {  // splitmix64
    x += 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

/// From the order of their numbers, so that it does not matter which block was here before.
void shuffle(Block& block, std::uint64_t seed) {
    std::iota(block.order.begin(), block.order.end(), std::uint32_t{0});
    for (std::size_t i = block.order.size(); i > 1; --i) {
        seed = mix(seed);
        std::swap(block.order[i - 1], block.order[seed % i]);
    }
}

/// What a GPU leaves in shared and local memory is anything. Here every 16 bits are a large number
/// in each type of 16, 32 and 64 bits, so that it does not vanish in a sum; the rest and the signs
/// depend on `seed`, so that what is made of it differs between two calls. Bit 63 is set: it is no
/// mbarrier.
std::uint64_t leftovers(std::uint64_t seed) {
    return (mix(seed) & 0x80FF'80FF'80FF'80FFULL) | 0xFB00'7B00'7B00'7B00ULL;
}

void fill(std::byte* place, std::size_t bytes, std::uint64_t pattern) {
    for (; bytes >= sizeof(pattern); bytes -= sizeof(pattern), place += sizeof(pattern)) {
        std::memcpy(place, &pattern, sizeof(pattern));
    }
    std::memcpy(place, &pattern, bytes);
}

void start_frame(WarpState& warp, const Program& program) {
    std::copy(program.constants.begin(), program.constants.end(), warp.frame);
    for (const auto& [slot, bytes] : program.open) {
        std::fill_n(warp.frame + slot, bytes, std::byte{0});
    }
    fill_specials(warp, program);
}

void spend_long_turn(Block& block) {
    if (block.unspent >= k_long_turn) {
        block.run->spend(std::exchange(block.unspent, 0));
    }
}

void finish_block(Block& block) {
    Worker& worker = *block.worker;
    ++worker.blocks_run;
    worker.executed += block.executed;
    worker.fewest = std::min(worker.fewest, block.executed);
    worker.most = std::max(worker.most, block.executed);
    if (block.shadow) {
        block.shadow->retire();
    }
}

/// Nothing can run: ends one wait that will never be satisfied. False: everybody waits for other
/// blocks.
bool unblock(Block& block) {
    for (WarpState& warp : block.warps) {
        if (!warp.done() && force_group(warp)) {
            ++block.forced;
            return true;
        }
    }
    if (force_barrier(block)) {
        ++block.forced;
        return true;
    }
    return false;
}

}  // namespace

void Run::stop_with(std::string_view why) {
    const std::lock_guard lock(mutex);
    if (!stopped.exchange(true)) {
        hang = why;
    }
}

void Run::spend(std::uint64_t work) {
    const std::uint64_t now = spent.fetch_add(work, std::memory_order_relaxed) + work;
    if (now > options->instruction_budget / k_lanes) {
        stop_with("the instruction budget is spent");
    } else if (options->stop != nullptr && options->stop->load(std::memory_order_relaxed)) {
        stop_with("stopped from outside");
    } else if (options->now() > deadline) {
        stop_with(k_time_spent);
    }
}

void Run::print(std::string_view text) {
    const std::lock_guard lock(mutex);
    const std::size_t room = options->log_bytes - std::min(options->log_bytes, log.size());
    log.append(text.substr(0, room));
}

Worker::Worker(Run& of)
    : run(&of)
    , counts(of.program->insns.size())
    , shapes(of.program->shapes + std::size_t{2})
    , findings(of.options->max_findings) {}

std::uint64_t block_shadow_bytes(const Run& run) {
    const Program& program = *run.program;
    const Checks& checks = run.options->checks;
    const std::uint64_t local =
        checks.initialised ? local_of_warp(program) * run.warps_per_block : 0;
    return local + (checks.races || checks.initialised
                        ? SharedShadow::bytes_for(program.shared_bytes, program.shared_granule)
                        : 0);
}

std::uint64_t block_state_bytes(const Run& run) {
    const Program& program = *run.program;
    const std::uint64_t warp = program.frame_bytes + local_of_warp(program);
    return warp * run.warps_per_block + round_up(program.shared_bytes) + block_shadow_bytes(run);
}

std::unique_ptr<Block> make_block(Worker& worker) {
    auto block = std::make_unique<Block>();
    Run& run = *worker.run;
    const Program& program = *run.program;
    block->worker = &worker;
    block->run = &run;
    block->program = &program;
    block->shared_bytes = program.shared_bytes;
    const std::size_t local = local_of_warp(program);
    const std::size_t warp_bytes = program.frame_bytes + local;
    block->storage.resize(warp_bytes * run.warps_per_block + round_up(program.shared_bytes) + 64);
    const auto begin = std::bit_cast<std::uintptr_t>(block->storage.data());
    std::byte* at = block->storage.data() + (round_up(begin) - begin);
    const Checks& checks = run.options->checks;
    if (checks.initialised) {
        block->local_written.resize(local * run.warps_per_block);
    }
    if (checks.races || checks.initialised) {
        block->shadow = std::make_unique<SharedShadow>(
            program.shared_bytes, program.shared_granule, *run.options);
    }
    block->warps.resize(run.warps_per_block);
    block->async.resize(run.warps_per_block);
    for (std::uint32_t w = 0; w < run.warps_per_block; ++w) {
        WarpState& warp = block->warps[w];
        warp.block = block.get();
        warp.index = w;
        warp.code = program.insns.data();
        warp.leaving = program.leaving.data();
        warp.counts = worker.counts.data();
        warp.frame = at;
        warp.local = at + program.frame_bytes;
        warp.local_bytes = program.local_bytes;
        warp.local_written = checks.initialised ? block->local_written.data() + local * w : nullptr;
        warp.async = &block->async[w];
        const std::uint32_t left = run.threads_per_block - w * 32;
        warp.present = left >= 32 ? k_all_lanes : (Lanes{1} << left) - 1;
        at += warp_bytes;
        block->order.push_back(w);
    }
    block->shared = at;
    return block;
}

void start_block(Block& block, std::uint64_t index) {
    const Run& run = *block.run;
    const std::array<std::uint32_t, 3>& grid = run.launch->grid;
    block.index = index;
    block.id = {
        static_cast<std::uint32_t>(index % grid[0]),
        static_cast<std::uint32_t>(index / grid[0] % grid[1]),
        static_cast<std::uint32_t>(index / grid[0] / grid[1])};
    block.live = run.threads_per_block;
    block.executed = 0;
    block.unspent = 0;
    block.forced = 0;
    block.barriers.fill(Barrier{});
    block.barriers_used = 0;
    block.global_time = GlobalTime{};
    block.global_time.block = index;
    const std::uint64_t pattern = leftovers(mix(run.options->seed) ^ index);
    fill(block.shared, block.shared_bytes, pattern);
    std::fill(block.local_written.begin(), block.local_written.end(), std::uint8_t{0});
    if (block.shadow) {
        block.shadow->reset(run.warps_per_block);
        if (block.cluster->blocks.size() > 1) {
            block.shadow->join(block.cluster->order, block.rank);
        }
    }
    if (block.rank == 0) {
        block.cluster->order.reset();
    }
    block.bulk.clear();
    block.bulk_bytes = 0;
    for (WarpState& warp : block.warps) {
        start_frame(warp, *block.program);
        fill(warp.local, std::size_t{warp.local_bytes} * k_lanes, pattern);
        start_warp(warp);
        warp.async->copies.clear();
        warp.async->open.fill(0);
        warp.async->products = 0;
    }
    if (run.options->seed != 0) {
        shuffle(block, mix(run.options->seed) ^ index);
    }
}

Progress advance(Block& block) {
    bool any = false;
    for (const std::uint32_t w : block.order) {
        WarpState& warp = block.warps[w];
        if (warp.done() || !ready(warp)) {
            continue;
        }
        any = true;
        const int before = __builtin_popcount(warp.alive());
        const std::uint64_t executed = run_warp(warp);
        block.executed += executed;
        block.unspent += executed;
        block.worker->clock += executed;
        spend_long_turn(block);
        block.live -= static_cast<std::uint32_t>(before - __builtin_popcount(warp.alive()));
        if (block.barriers_used != 0) {
            release_barriers(block);
        }
        if (block.run->stopped.load(std::memory_order_relaxed)) {
            return Progress::running;
        }
    }
    if (block.live == 0) {
        finish_block(block);
        return Progress::finished;
    }
    if (any || release_cluster(block)) {
        return Progress::running;
    }
    if (!unblock(block)) {
        return Progress::waiting;
    }
    if (block.forced > k_max_forced) {
        block.run->stop_with("the threads of a block wait for each other again and again");
    }
    return Progress::running;
}

bool charge(WarpState& warp, std::uint64_t work) {
    warp.fuel -= static_cast<std::int64_t>(work);
    if (warp.fuel <= 0) {
        warp.limit = 0;
    }
    Block& block = *warp.block;
    block.unspent += work;
    spend_long_turn(block);
    return !block.run->stopped.load(std::memory_order_relaxed);
}

std::array<std::uint32_t, 3> thread_of(const WarpState& warp, int lane) {
    const std::array<std::uint32_t, 3>& size = warp.block->run->launch->block;
    const std::uint32_t linear = warp.index * k_lanes + static_cast<std::uint32_t>(lane);
    return {linear % size[0], linear / size[0] % size[1], linear / size[0] / size[1]};
}

}  // namespace kw::emu
