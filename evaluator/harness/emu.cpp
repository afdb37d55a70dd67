// SPDX-License-Identifier: Apache-2.0
// kw-emu: interprets a candidate's PTX in the sandbox. Job on standard input (emu_job.hpp), buffers
// in the memory of descriptor 3, report as JSON on standard output. Exit 0: there is a report;
// whatever the candidate did is in it.
#include "evaluator/harness/emu_job.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <new>

namespace kw::harness {
namespace {

constexpr int k_fd_memory = 3;
constexpr std::size_t k_max_job = std::size_t{64} << 20;

bool read_input(std::string& text) {
    std::array<char, 65536> block;
    for (ssize_t got = 0; (got = read(STDIN_FILENO, block.data(), block.size())) > 0;) {
        text.append(block.data(), static_cast<std::size_t>(got));
        if (text.size() > k_max_job) {
            return false;
        }
    }
    return true;
}

bool write_output(const std::string& text) {
    for (std::size_t at = 0; at < text.size();) {
        const ssize_t done = write(STDOUT_FILENO, text.data() + at, text.size() - at);
        if (done <= 0) {
            return false;
        }
        at += static_cast<std::size_t>(done);
    }
    return true;
}

std::span<std::byte> map_memory() {
    struct stat status {};
    if (fstat(k_fd_memory, &status) != 0 || status.st_size <= 0) {
        return {};
    }
    const auto size = static_cast<std::size_t>(status.st_size);
    void* block = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, k_fd_memory, 0);
    if (block == MAP_FAILED) {
        return {};
    }
    return {static_cast<std::byte*>(block), size};
}

bool add_buffers(
    const EmuJob& job, std::span<std::byte> all, std::uint64_t shift, emu::Memory& device) {
    if (shift > all.size()) {
        return false;
    }
    const std::span<std::byte> memory = all.subspan(shift);
    for (const EmuBuffer& buffer : job.buffers) {
        if (buffer.offset > memory.size() || buffer.bytes > memory.size() - buffer.offset) {
            return false;
        }
        emu::Allocation allocation;
        allocation.name = buffer.name;
        allocation.host = memory.data() + buffer.offset;
        allocation.bytes = buffer.bytes;
        allocation.access = buffer.access;
        allocation.initialised = buffer.initialised;
        if (device.add(std::move(allocation)) == 0) {
            return false;
        }
    }
    return true;
}

/// Outputs need be complete after the last launch only.
void drop_unwritten(emu::Report& report) {
    std::erase_if(report.findings, [](const emu::Finding& finding) {
        return finding.kind == emu::FindingKind::unwritten_output;
    });
}

double cpu_seconds() {
    timespec now{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

/// True when every launch completed.
bool run_all(
    const EmuJob& job,
    const emu::Module& module,
    emu::Memory& device,
    std::vector<EmuLaunchReport>& reports) {
    if (const std::string error = device.load(module); !error.empty()) {
        EmuLaunchReport report;
        report.report.ending = emu::Ending::bad_launch;
        report.report.error.message = error;
        reports.push_back(std::move(report));
        return false;
    }
    double left_ms = static_cast<double>(job.options.wall_budget_ms);  // of all launches
    for (std::size_t i = 0; i < job.launches.size(); ++i) {
        const emu::Launch& launch = job.launches[i];
        emu::Options options = job.options;
        options.sampled_blocks = job.samples[i];
        options.wall_budget_ms = static_cast<std::int64_t>(std::max(left_ms, 0.0));
        const double before = cpu_seconds();
        reports.push_back({launch.kernel, emu::run(module, launch, device, options)});
        reports.back().cpu_s = cpu_seconds() - before;
        left_ms -= 1000 * reports.back().report.wall_s;
        if (reports.back().report.ending != emu::Ending::completed) {
            return false;
        }
        if (i + 1 < job.launches.size()) {
            drop_unwritten(reports.back().report);
        }
    }
    return true;
}

/// Even what is only a warning: without checks nobody sees that blocks depend on their order.
bool blocks_met(const std::vector<EmuLaunchReport>& reports) {
    for (const EmuLaunchReport& report : reports) {
        for (const emu::Finding& finding : report.report.findings) {
            if (finding.kind == emu::FindingKind::global_race) {
                return true;
            }
        }
    }
    return false;
}

int fail(const char* what, const std::string& detail = {}) {
    std::fprintf(stderr, "kw-emu: %s %s\n", what, detail.c_str());
    return 2;
}

int run_program() {
    std::string text;
    std::string problem;
    if (!read_input(text)) {
        return fail("reading the job");
    }
    auto job = read_job(text, problem);
    if (!job) {
        return fail("bad job:", problem);
    }
    const std::span<std::byte> memory =
        job->buffers.empty() ? std::span<std::byte>() : map_memory();
    emu::Memory device;
    emu::Memory second;
    if (!add_buffers(*job, memory, 0, device) ||
        (job->again && !add_buffers(*job, memory, job->again->shift, second))) {
        return fail("the buffers do not fit into the memory");
    }
    const emu::ParseResult parsed = emu::parse(job->ptx);
    std::vector<EmuLaunchReport> reports;
    if (parsed.errors.empty() && run_all(*job, parsed.module, device, reports) && job->again) {
        job->options.checks = job->again->checks;
        job->options.seed = job->again->seed;
        job->options.threads = blocks_met(reports) ? 1 : job->options.threads;
        run_all(*job, parsed.module, second, reports);
    }
    return write_output(show_report(parsed, reports)) ? 0 : fail("writing the report");
}

}  // namespace
}  // namespace kw::harness

int main() {
    try {
        return kw::harness::run_program();
    } catch (const std::bad_alloc&) {
        return kw::harness::fail("out of memory");
    }
}
