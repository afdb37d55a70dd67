// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/scheduler.hpp"

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

namespace kw::emu {
namespace {

/// A block that has executed so many warp instructions may be waiting for a block that has not
/// begun (a look-back scan, a lock): the worker begins another one beside it.
constexpr std::uint64_t k_lonely = 20'000'000;
/// The same, in turns: waiting with nanosleep executes little.
constexpr std::uint64_t k_lonely_turns = 200'000;
constexpr std::size_t k_most_resident = 64;

/// The blocks of a cluster; mostly one.
struct Gang {
    std::vector<std::unique_ptr<Block>> blocks;
    Cluster cluster;
    std::vector<char> finished;
    std::size_t left = 0;
};

struct Plan {
    std::vector<std::uint64_t> first;  ///< linear index of the first block of each gang, or empty:
    std::uint64_t gangs = 0;           ///< ... all, in order
    std::uint32_t per_gang = 1;
    std::size_t resident = 1;  ///< of a worker at the start
    std::size_t most_resident = 1;
};

std::uint32_t cluster_size(const Launch& launch) {
    return launch.cluster[0] * launch.cluster[1] * launch.cluster[2];
}

/// Linear index of the block with rank `rank` in cluster `gang`.
std::uint64_t block_of(const Launch& launch, std::uint64_t gang, std::uint32_t rank) {
    const std::array<std::uint32_t, 3>& c = launch.cluster;
    const std::array<std::uint64_t, 3> clusters = {
        launch.grid[0] / c[0], launch.grid[1] / c[1], launch.grid[2] / c[2]};
    const std::uint64_t x = gang % clusters[0] * c[0] + rank % c[0];
    const std::uint64_t y = gang / clusters[0] % clusters[1] * c[1] + rank / c[0] % c[1];
    const std::uint64_t z = gang / clusters[0] / clusters[1] * c[2] + rank / c[0] / c[1];
    return x + launch.grid[0] * (y + launch.grid[1] * z);
}

class Queue {
public:
    explicit Queue(const Plan& plan)
        : plan_(plan) {}
    /// The next gang, or nothing.
    std::optional<std::uint64_t> next() {
        const std::uint64_t i = next_.fetch_add(1, std::memory_order_relaxed);
        if (i >= plan_.gangs) {
            return std::nullopt;
        }
        return plan_.first.empty() ? i : plan_.first[i];
    }

private:
    const Plan& plan_;
    std::atomic<std::uint64_t> next_{0};
};

std::unique_ptr<Gang> make_gang(Worker& worker, std::uint32_t size) {
    auto gang = std::make_unique<Gang>();
    for (std::uint32_t rank = 0; rank < size; ++rank) {
        gang->blocks.push_back(make_block(worker));
        gang->blocks.back()->rank = rank;
        gang->blocks.back()->cluster = &gang->cluster;
        gang->cluster.blocks.push_back(gang->blocks.back().get());
    }
    return gang;
}

void start_gang(Gang& gang, const Launch& launch, std::uint64_t number) {
    gang.cluster.arrived = 0;
    gang.cluster.phase = 0;
    gang.finished.assign(gang.blocks.size(), 0);
    gang.left = gang.blocks.size();
    for (std::uint32_t rank = 0; rank < gang.blocks.size(); ++rank) {
        start_block(*gang.blocks[rank], block_of(launch, number, rank));
    }
}

/// Gives each block of the gang a turn. Returns whether any could use it.
bool advance_gang(Gang& gang, Run& run) {
    bool any = false;
    for (std::size_t i = 0; i < gang.blocks.size() && !run.stopped; ++i) {
        if (gang.finished[i] != 0) {
            continue;
        }
        Block& block = *gang.blocks[i];
        const Progress progress = advance(block);
        run.spend(std::exchange(block.unspent, 0));
        any = any || progress != Progress::waiting;
        if (progress == Progress::finished) {
            gang.finished[i] = 1;
            --gang.left;
        }
    }
    return any;
}

void work(Worker& worker, const Plan& plan, Queue& queue) {
    Run& run = *worker.run;
    std::vector<std::unique_ptr<Gang>> resident;
    std::size_t wanted = plan.resident;
    std::uint64_t executed = 0;
    std::uint64_t turns = 0;
    bool more = true;
    const auto fill = [&] {
        while (more && resident.size() < wanted) {
            const std::optional<std::uint64_t> number = queue.next();
            more = number.has_value();
            if (more) {
                resident.push_back(make_gang(worker, plan.per_gang));
                start_gang(*resident.back(), *run.launch, *number);
            }
        }
    };
    for (fill(); !resident.empty() && !run.stopped; fill()) {
        const std::uint64_t before = worker.clock;
        bool any = false;
        for (std::size_t i = 0; i < resident.size() && !run.stopped; ++i) {
            any = advance_gang(*resident[i], run) || any;
            if (resident[i]->left != 0) {
                continue;
            }
            executed = 0;
            turns = 0;
            const std::optional<std::uint64_t> number = more ? queue.next() : std::nullopt;
            more = number.has_value();
            if (more) {
                start_gang(*resident[i], *run.launch, *number);
            } else {
                resident.erase(resident.begin() + static_cast<std::ptrdiff_t>(i));
                --i;
            }
        }
        executed += worker.clock - before;
        if (++turns > k_lonely_turns || executed > k_lonely) {
            wanted = std::min(std::max(wanted, resident.size() + 1), plan.most_resident);
            executed = 0;
            turns = 0;
        }
        if (!any && !resident.empty()) {
            run.stop_with("every thread of a cluster waits");
        }
    }
}

std::string make_plan(const Run& run, std::size_t workers, Plan& plan) {
    const Launch& launch = *run.launch;
    plan.per_gang = cluster_size(launch);
    plan.gangs = run.blocks / plan.per_gang;
    if (!run.options->sampled_blocks.empty()) {
        for (const std::uint64_t index : run.options->sampled_blocks) {
            // Clusters are sampled whole: the one that the block belongs to.
            const std::uint64_t x = index % launch.grid[0] / launch.cluster[0];
            const std::uint64_t y = index / launch.grid[0] % launch.grid[1] / launch.cluster[1];
            const std::uint64_t z = index / launch.grid[0] / launch.grid[1] / launch.cluster[2];
            const std::uint64_t wide = launch.grid[0] / launch.cluster[0];
            const std::uint64_t high = launch.grid[1] / launch.cluster[1];
            plan.first.push_back(x + wide * (y + high * z));
        }
        std::sort(plan.first.begin(), plan.first.end());
        plan.first.erase(std::unique(plan.first.begin(), plan.first.end()), plan.first.end());
        plan.gangs = plan.first.size();
    }
    const std::uint64_t bytes = block_state_bytes(run) * plan.per_gang;
    const std::uint64_t room = run.options->max_state / workers / std::max<std::uint64_t>(bytes, 1);
    if (launch.cooperative) {
        const std::uint64_t each = (plan.gangs + workers - 1) / workers;
        if (each > room) {
            return "a cooperative launch of " + std::to_string(run.blocks) +
                   " blocks does not fit into the memory for resident blocks";
        }
        plan.resident = static_cast<std::size_t>(each);
        plan.most_resident = plan.resident;
        return {};
    }
    if (room == 0) {
        return "a block needs " + std::to_string(bytes) +
               " bytes of registers, local and shared memory, more than there is room for";
    }
    plan.most_resident = static_cast<std::size_t>(std::min<std::uint64_t>(room, k_most_resident));
    return {};
}

}  // namespace

std::string run_blocks(Run& run, std::vector<std::unique_ptr<Worker>>& workers) {
    Plan plan;
    std::string problem = make_plan(run, workers.size(), plan);
    if (!problem.empty()) {
        return problem;
    }
    Queue queue(plan);
    std::exception_ptr failure;
    std::mutex failure_mutex;
    const auto guarded = [&](Worker& worker) {
        try {
            work(worker, plan, queue);
        } catch (...) {
            run.stop_with("out of memory");
            const std::lock_guard lock(failure_mutex);
            failure = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 1; i < workers.size(); ++i) {
            threads.emplace_back([&guarded, &worker = *workers[i]] { guarded(worker); });
        }
        guarded(*workers[0]);
    }
    if (failure) {
        std::rethrow_exception(failure);
    }
    return {};
}

}  // namespace kw::emu
