// SPDX-License-Identifier: Apache-2.0
// One launch of one kernel by hand: any PTX with arguments that a caller chose, in the sandbox as a
// candidate's. No task, no reference, no verdict.
#pragma once

#include "core/result.hpp"
#include "evaluator/device/emulated/emu_run.hpp"

#include <string>
#include <vector>

namespace kw::emulated {

struct TrialArgument {
    enum class Kind {
        in,       ///< a buffer that may only be read
        out,      ///< one that the kernel has to write as a whole
        inout,    ///< one that it may change
        scratch,  ///< one without meaning before and after
        integer,
        real,
    };
    Kind kind = Kind::integer;
    std::string text;                ///< as the caller wrote it, for messages and findings
    std::vector<std::byte> content;  ///< in, inout: what is in it
    std::int64_t bytes = 0;          ///< out, scratch: size of the buffer; numbers: 1, 2, 4, 8
    std::int64_t integer = 0;
    double real = 0;
};
[[nodiscard]] bool is_buffer(const TrialArgument& argument);

struct Trial {
    std::string ptx;
    std::string kernel;  ///< "": the only one of the module
    RunLaunch launch;    ///< but for kernel and parameters
    std::vector<TrialArgument> arguments;
    bool checked = true;
    std::uint64_t seed = 0;
    std::uint64_t instructions = 1'000'000'000'000;  ///< thread-instructions
    double wall_s = 60;
    int threads = 1;
};

struct TrialResult {
    RunReport report;
    RunLaunch launch;                             ///< as it was run
    std::vector<std::vector<std::byte>> outputs;  ///< by argument: what is in out and inout now
    std::int64_t buffer_bytes = 0;
};

/// Errc::usage: there is no such kernel, or the arguments are not what it takes.
[[nodiscard]] Result<void> check_trial(const Trial& trial);
/// The same, and runs it. What the kernel did is in the report.
[[nodiscard]] Result<TrialResult> run_trial(Emulator& emulator, const Trial& trial);

}  // namespace kw::emulated
