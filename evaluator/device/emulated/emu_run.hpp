// SPDX-License-Identifier: Apache-2.0
// Runs a launch plan's kernels on the emulated device: kw-emu in the sandbox, one process a call.
// Its report comes out of a process that interprets hostile PTX, so it is read as hostile text.
#pragma once

#include "core/result.hpp"
#include "evaluator/device/cpu/shared_memory.hpp"
#include "sandbox/sandbox.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kw::emulated {

struct RunBuffer {
    std::string name;         ///< as findings call it
    std::int64_t offset = 0;  ///< in the memory
    std::int64_t bytes = 0;
    const char* access = "in";  ///< "in" | "out" | "inout" | "scratch"
};

struct RunLaunch {
    std::string kernel;  ///< as PTX spells it
    std::array<std::uint32_t, 3> grid{1, 1, 1};
    std::array<std::uint32_t, 3> block{1, 1, 1};
    std::array<std::uint32_t, 3> cluster{1, 1, 1};
    std::uint32_t smem = 0;
    bool cooperative = false;
    std::vector<std::byte> parameters;  ///< device addresses inside: buffer_address()
    std::vector<std::uint64_t> sample;  ///< linear indices of the blocks to run; empty = all
};

/// Every launch once more in the same process, which costs less than another: on a memory of its
/// own, without checks.
struct RunAgain {
    std::uint64_t seed = 0;
    std::int64_t shift = 0;  ///< added to the offset of every buffer
};

struct RunRequest {
    std::string ptx;
    std::vector<RunBuffer> buffers;
    std::vector<RunLaunch> launches;
    bool checked = true;
    std::uint64_t seed = 0;                      ///< order of warps
    std::uint64_t instructions = 1'000'000'000;  ///< thread-instructions, per launch
    double wall_s = 20;                          ///< for all launches of one run
    int threads = 1;
    std::optional<RunAgain> again;
};
/// Device address of the first byte of buffer `index`.
[[nodiscard]] std::uint64_t buffer_address(std::size_t index);

struct Count {
    std::int64_t warps = 0, threads = 0, requests = 0, sectors = 0, lines = 0, wavefronts = 0,
                 excess = 0, divergent = 0;
};

struct MemoryInsn {
    Count count;
    std::string opcode;
    std::string work;
    int line = 0;  ///< of the source
};

struct RunFinding {
    std::string kind;  ///< compute-sanitizer's words: "out_of_bounds", "shared_race", ...
    std::string severity;
    std::string text;
    int line = 0;  ///< of the source; 0 = not known
    int ptx_line = 0;
    std::array<std::int64_t, 3> block{}, thread{};
    std::int64_t count = 0;  ///< lanes
};

struct LaunchReport {
    std::string kernel;
    std::string ending;  ///< "completed" | "faulted" | "hang" | "unsupported" | "bad_launch"
    std::string error;
    std::vector<RunFinding> findings;
    std::map<std::string, Count> by_work;
    std::vector<MemoryInsn> memory;
    std::int64_t warp_instructions = 0, thread_instructions = 0, barriers = 0, mma = 0;
    std::int64_t blocks_run = 0, blocks_total = 0;
    double block_variation = 0;
    std::int64_t shared_bytes = 0, local_bytes = 0, threads_per_block = 0;
    std::int64_t shadow_bytes = 0;  ///< of the checks
    std::int64_t workers = 0;       ///< threads that ran the blocks
    double wall_s = 0;              ///< measured, of the interpreter
    double cpu_s = 0;               ///< the same, of all its threads together
    std::string log;
};

struct RunReport {
    std::string problem;  ///< the PTX could not be read, or the emulator itself died; else empty
    bool timed_out = false;
    bool out_of_memory = false;
    std::int64_t peak_bytes = 0;         ///< resident in the sandboxed process, buffers included
    std::vector<LaunchReport> launches;  ///< ends at the first that did not complete
    std::vector<LaunchReport> again;     ///< likewise; none when not all of the first completed
};

class Emulator {
public:
    static Result<Emulator> open(
        sandbox::Sandbox& sandbox, const std::filesystem::path& harness_dir);
    /// `memory` holds the buffers. Errors are ours (sandbox, disk).
    Result<RunReport> run(const RunRequest& request, cpu::SharedMemory& memory);

private:
    explicit Emulator(sandbox::Sandbox& sandbox, std::filesystem::path program)
        : sandbox_(&sandbox)
        , program_(std::move(program)) {}
    sandbox::Sandbox* sandbox_;
    std::filesystem::path program_;
};

/// For tests: the job as text, and a report read back.
[[nodiscard]] std::string job_text(const RunRequest& request);
[[nodiscard]] std::optional<RunReport> read_report(const std::string& text);

}  // namespace kw::emulated
