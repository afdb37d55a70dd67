// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/machine.hpp"

#include "evaluator/device/emulated/engine/block_order.hpp"
#include "evaluator/device/emulated/engine/inline.hpp"
#include "evaluator/device/emulated/engine/scheduler.hpp"

#include <algorithm>

namespace kw::emu {
namespace {

constexpr std::uint64_t k_max_threads = 1024;
constexpr std::uint64_t k_max_blocks = std::uint64_t{1} << 40;
constexpr int k_max_workers = 256;

const Function* find_kernel(const Module& module, std::string_view name) {
    for (const Function& function : module.functions) {
        if (function.kernel && !function.declared && function.name == name) {
            return &function;
        }
    }
    return nullptr;
}

std::string triple(const std::array<std::uint32_t, 3>& value) {
    return "(" + std::to_string(value[0]) + "," + std::to_string(value[1]) + "," +
           std::to_string(value[2]) + ")";
}

std::uint64_t product(const std::array<std::uint32_t, 3>& value) {
    return std::uint64_t{value[0]} * value[1] * value[2];
}

std::string launch_problem(const Function& kernel, const Launch& launch) {
    for (const auto* size : {&launch.grid, &launch.block, &launch.cluster}) {
        if ((*size)[0] == 0 || (*size)[1] == 0 || (*size)[2] == 0 || (*size)[1] > 65535 ||
            (*size)[2] > 65535) {
            return "grid, block and cluster sizes are from 1 to 65535 (x of the grid: 2^31-1)";
        }
    }
    if (launch.grid[0] > 0x7FFFFFFFu || product(launch.grid) > k_max_blocks) {
        return "a grid of " + triple(launch.grid) + " blocks is too large";
    }
    if (launch.block[0] > k_max_threads || product(launch.block) > k_max_threads ||
        launch.block[2] > 64) {
        return "a block of " + triple(launch.block) + " threads: at most 1024, 64 in z";
    }
    if (launch.cluster[0] > 16 || product(launch.cluster) > 16) {
        return "a cluster of " + triple(launch.cluster) + " blocks: at most 16";
    }
    for (std::size_t i = 0; i < 3; ++i) {
        if (launch.grid[i] % launch.cluster[i] != 0) {
            return "a grid of " + triple(launch.grid) + " is no multiple of the cluster " +
                   triple(launch.cluster);
        }
    }
    if (kernel.max_threads && product(launch.block) > product(*kernel.max_threads)) {
        return "a block of " + triple(launch.block) +
               " threads is more than the kernel's .maxntid " + triple(*kernel.max_threads);
    }
    if (kernel.required_threads && launch.block != *kernel.required_threads) {
        return "the kernel asks for blocks of " + triple(*kernel.required_threads);
    }
    if (kernel.required_cluster && product(*kernel.required_cluster) > 1 &&
        launch.cluster != *kernel.required_cluster) {
        return "the kernel asks for clusters of " + triple(*kernel.required_cluster);
    }
    const std::optional<ParameterLayout> layout = parameter_layout(kernel);
    if (!layout || launch.parameters.size() != layout->bytes) {
        return "the kernel takes " + std::to_string(layout ? layout->bytes : 0) +
               " bytes of parameters, not " + std::to_string(launch.parameters.size());
    }
    return {};
}

Report refused(Ending ending, std::string message, std::int32_t line = 0) {
    Report report;
    report.ending = ending;
    report.error.line = line;
    report.error.message = std::move(message);
    return report;
}

void count(const Run& run, const std::vector<std::unique_ptr<Worker>>& workers, Counters& out) {
    const Program& program = *run.program;
    std::vector<InsnCounts> sum(program.insns.size());
    std::uint64_t fewest = ~std::uint64_t{0};
    std::uint64_t most = 0;
    std::uint64_t executed = 0;
    for (const std::unique_ptr<Worker>& worker : workers) {
        for (std::size_t i = 0; i < sum.size(); ++i) {
            sum[i].add(worker->counts[i]);
        }
        out.blocks_run += worker->blocks_run;
        executed += worker->executed;
        fewest = std::min(fewest, worker->fewest);
        most = std::max(most, worker->most);
    }
    out.blocks_total = run.blocks;
    for (std::size_t i = 0; i < sum.size(); ++i) {
        const Instruction* source = program.source[i];
        if (source == nullptr || sum[i].warps == 0) {
            continue;
        }
        const Insn& insn = program.insns[i];
        out.by_work[static_cast<std::size_t>(insn.work)].add(sum[i]);
        out.instructions.push_back({insn.at, source->opcode, insn.work, sum[i]});
        out.warp_instructions += sum[i].warps;
        out.thread_instructions += sum[i].threads;
    }
    out.barriers = out.by_work[static_cast<std::size_t>(Work::barrier)].warps;
    out.atomics = out.by_work[static_cast<std::size_t>(Work::atomic)].threads;
    out.mma = out.by_work[static_cast<std::size_t>(Work::matrix)].warps;
    if (most != 0) {
        const double mean = static_cast<double>(executed) / static_cast<double>(out.blocks_run);
        out.block_variation =
            std::max(static_cast<double>(most) - mean, mean - static_cast<double>(fewest)) / mean;
    }
}

/// Bytes of the outputs that nobody wrote.
void find_unwritten(const Memory& memory, Findings& findings) {
    std::size_t number = 0;
    for (const std::unique_ptr<Allocation>& allocation : memory.allocations()) {
        ++number;
        if (allocation->access != Access::output || allocation->written.empty()) {
            continue;
        }
        const std::vector<std::uint8_t>& written = allocation->written;
        const void* zero = std::memchr(written.data(), 0, written.size());
        if (zero == nullptr) {
            continue;
        }
        const auto first =
            written.begin() + (static_cast<const std::uint8_t*>(zero) - written.data());
        Finding finding;
        finding.kind = FindingKind::unwritten_output;
        finding.allocation = allocation->name;
        finding.allocation_bytes = allocation->bytes;
        finding.offset = first - written.begin();
        finding.address = allocation->address + static_cast<std::uint64_t>(finding.offset);
        finding.count = static_cast<std::uint64_t>(std::count(first, written.end(), 0));
        findings.add(std::move(finding), ~number);
    }
}

void finish(
    Run& run,
    const std::vector<std::unique_ptr<Worker>>& workers,
    Findings findings,
    Report& report) {
    count(run, workers, report.counters);
    if (run.options->checks.initialised && !run.stopped && run.options->sampled_blocks.empty()) {
        find_unwritten(*run.memory, findings);
    }
    report.ending = Ending::completed;
    if (run.stopped && !run.trapped) {
        report.ending = Ending::hang;
        report.hang = run.hang.empty() ? "the time is spent" : std::move(run.hang);
    } else if (findings.faulted()) {
        report.ending = Ending::faulted;
    }
    report.findings_capped = findings.capped();
    report.findings = findings.take();
    report.log = std::move(run.log);
}

/// What a launch may change in memory, so that it can begin again.
class Snapshot {
public:
    explicit Snapshot(const Memory& memory) {
        for (const std::unique_ptr<Allocation>& allocation : memory.allocations()) {
            if (allocation->access != Access::read_only) {
                Copy copy{allocation.get(), {}, {}};
                if (std::ranges::find(allocation->written, 1) != allocation->written.end()) {
                    copy.written = allocation->written;
                }
                copy.bytes = std::make_unique_for_overwrite<std::byte[]>(allocation->bytes);
                std::copy_n(allocation->host, allocation->bytes, copy.bytes.get());
                copies_.push_back(std::move(copy));
            }
        }
    }
    void restore() const {
        for (const Copy& copy : copies_) {
            std::copy_n(copy.bytes.get(), copy.allocation->bytes, copy.allocation->host);
            std::vector<std::uint8_t>& written = copy.allocation->written;
            if (copy.written.empty()) {
                std::ranges::fill(written, std::uint8_t{0});
            } else {
                written = copy.written;
            }
        }
    }

private:
    struct Copy {
        Allocation* allocation = nullptr;
        std::unique_ptr<std::byte[]> bytes;
        std::vector<std::uint8_t> written;  ///< empty: nothing is
    };
    std::vector<Copy> copies_;
};

/// A launch that nothing speaks against.
struct Accepted {
    const Program& program;
    const Launch& launch;
    Memory& memory;
    const Options& options;
};

/// How many workers may share the blocks without it being seen.
int worker_count(const Accepted& accepted) {
    const Options& options = accepted.options;
    const std::uint64_t blocks = product(accepted.launch.grid);
    const std::uint64_t run =
        options.sampled_blocks.empty() ? blocks : options.sampled_blocks.size();
    // Of what one block reads and another writes, only the check of races knows.
    const bool blind = options.checks.initialised && !options.checks.global_races;
    if (options.threads <= 1 || blind || blocks > ConcurrentShadow::k_max_blocks ||
        order_shows(accepted.program)) {
        return 1;
    }
    const auto most = std::min<std::uint64_t>(run, k_max_workers);
    return static_cast<int>(std::min(static_cast<std::uint64_t>(options.threads), most));
}

void set_up(Run& run, const Accepted& accepted) {
    const Options& options = accepted.options;
    run.program = &accepted.program;
    run.launch = &accepted.launch;
    run.options = &options;
    run.memory = &accepted.memory;
    run.threads_per_block = static_cast<std::uint32_t>(product(accepted.launch.block));
    run.warps_per_block = (run.threads_per_block + k_lanes - 1) / k_lanes;
    run.blocks = product(accepted.launch.grid);
    run.grid_workspace = accepted.launch.cooperative ? accepted.memory.grid_workspace() : 0;
    run.begin = options.now();
    run.deadline = run.begin + std::chrono::milliseconds(options.wall_budget_ms);
}

std::uint64_t shadow_bytes(const Run& run, std::uint64_t global, std::size_t workers) {
    std::uint64_t bytes = global + workers * block_shadow_bytes(run);
    for (const std::unique_ptr<Allocation>& allocation : run.memory->allocations()) {
        bytes += run.options->checks.initialised ? allocation->written.size() : 0;
    }
    return bytes;
}

/// Whether one worker has to say what this run only began to tell: a race between blocks, a trap or
/// instructions that were spent at no particular place. It would not be done in the time that was
/// not enough for several.
bool repeatable(const Run& run, const Findings& findings) {
    const bool outside = run.options->stop != nullptr && run.options->stop->load();
    const bool late = run.stopped && run.hang == k_time_spent;
    return (run.stopped || findings.capped()) && !outside && !late;
}

/// Runs the blocks. Nothing: several workers did, and what happened must be found by one.
std::optional<Report> attempt(const Accepted& accepted, int worker_number) {
    Run run;
    set_up(run, accepted);
    const Checks& checks = accepted.options.checks;
    const int granule = accepted.program.global_granule;
    std::optional<GlobalShadow> shadow;
    std::optional<ConcurrentShadow> concurrent;
    if (checks.global_races && run.blocks > 1 && worker_number > 1) {
        run.concurrent_shadow = &concurrent.emplace(accepted.memory, granule);
    } else if (checks.global_races && run.blocks > 1) {
        run.global_shadow = &shadow.emplace(accepted.memory, granule);
    }
    std::vector<std::unique_ptr<Worker>> workers;
    for (int i = 0; i < worker_number; ++i) {
        workers.push_back(std::make_unique<Worker>(run));
    }
    if (std::string problem = run_blocks(run, workers); !problem.empty()) {
        return refused(Ending::bad_launch, std::move(problem));
    }
    Findings findings(accepted.options.max_findings);
    for (const std::unique_ptr<Worker>& worker : workers) {
        findings.merge(std::move(worker->findings));
    }
    if (worker_number > 1 && repeatable(run, findings)) {
        return std::nullopt;
    }
    Report report;
    finish(run, workers, std::move(findings), report);
    report.shared_bytes = accepted.program.shared_bytes;
    report.local_bytes = accepted.program.local_bytes;
    report.frame_bytes = accepted.program.frame_bytes;
    report.threads_per_block = run.threads_per_block;
    report.workers = worker_number;
    report.shadow_bytes = shadow_bytes(
        run,
        (shadow ? shadow->bytes() : 0) + (concurrent ? concurrent->bytes() : 0),
        workers.size());
    report.wall_s = std::chrono::duration<double>(accepted.options.now() - run.begin).count();
    return report;
}

Report run_accepted(const Accepted& accepted) {
    if (const int workers = worker_count(accepted); workers > 1) {
        const Snapshot before(accepted.memory);
        if (std::optional<Report> report = attempt(accepted, workers)) {
            return std::move(*report);
        }
        before.restore();
    }
    return *attempt(accepted, 1);
}

}  // namespace

std::optional<std::vector<Parameter>> kernel_parameters(
    const Module& module, std::string_view name) {
    const Function* kernel = find_kernel(module, name);
    if (kernel == nullptr) {
        return std::nullopt;
    }
    const std::optional<ParameterLayout> layout = parameter_layout(*kernel);
    std::vector<Parameter> out;
    for (std::size_t i = 0; layout && i < kernel->params.size(); ++i) {
        const Symbol& symbol = kernel->symbols[kernel->params[i]];
        out.push_back(
            {symbol.name,
             symbol.kind,
             symbol.bits,
             layout->offsets[i],
             static_cast<std::uint32_t>(symbol.bytes),
             symbol.align});
    }
    return out;
}

Report run(const Module& module, const Launch& launch, Memory& memory, const Options& options) {
    const Function* kernel = find_kernel(module, launch.kernel);
    if (kernel == nullptr) {
        return refused(Ending::bad_launch, "the module has no kernel " + launch.kernel);
    }
    if (std::string problem = launch_problem(*kernel, launch); !problem.empty()) {
        return refused(Ending::bad_launch, std::move(problem));
    }
    if (std::string problem = memory.load(module); !problem.empty()) {
        return refused(Ending::bad_launch, std::move(problem));
    }
    if (launch.dynamic_shared > options.max_shared) {
        return refused(
            Ending::bad_launch,
            "more shared memory than a block may have: " + std::to_string(launch.dynamic_shared) +
                " bytes");
    }
    DecodeResult decoded = decode(module, *kernel, memory, launch.dynamic_shared);
    if (!decoded.program) {
        return refused(Ending::unsupported, std::move(decoded.error.message), decoded.error.line);
    }
    const Program& program = *decoded.program;
    if (program.shared_bytes > options.max_shared) {
        return refused(
            Ending::bad_launch,
            "the kernel needs " + std::to_string(program.shared_bytes) +
                " bytes of shared memory, a block has at most " +
                std::to_string(options.max_shared));
    }
    for (const std::uint64_t index : options.sampled_blocks) {
        if (index >= product(launch.grid)) {
            return refused(Ending::bad_launch, "a sampled block that the grid does not have");
        }
    }
    if (launch.cooperative) {
        (void)memory.grid_workspace();  // an allocation, which shadows and snapshots must know
    }
    return run_accepted({program, launch, memory, options});
}

}  // namespace kw::emu
