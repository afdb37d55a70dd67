// SPDX-License-Identifier: Apache-2.0
// What kw-emu is asked to do, as text on its standard input:
//   kw-emu/1
//   checks all | none
//   threads N          seed N          instructions N          wall_ms N        of all launches
//   buffer NAME OFFSET BYTES in|out|inout|scratch       bytes of descriptor 3, in argument order
//   sample N N N ...                                    blocks of the next launch; none = all
//   launch KERNEL gx gy gz bx by bz cx cy cz SHARED COOPERATIVE HEX
//   again all|none SEED SHIFT       optional: all launches once more, on buffers SHIFT bytes behind
//   ptx BYTES
// and then that many bytes of PTX. HEX is the parameter block with device addresses and tensor maps
// (engine/tensor_map.hpp) in it; buffer i lies at buffer_address(i) (engine/memory.hpp).
#pragma once

#include "evaluator/device/emulated/engine/machine.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kw::harness {

struct EmuBuffer {
    std::string name;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    emu::Access access = emu::Access::read_only;
    bool initialised = true;
};

/// A second run of every launch, after a first that completed: another memory, nothing shared.
struct EmuAgain {
    emu::Checks checks;
    std::uint64_t seed = 0;
    std::uint64_t shift = 0;  ///< added to the offset of every buffer
};

struct EmuJob {
    emu::Options options;
    std::optional<EmuAgain> again;
    std::vector<EmuBuffer> buffers;
    std::vector<emu::Launch> launches;
    std::vector<std::vector<std::uint64_t>> samples;  ///< one a launch
    std::string_view ptx;
};

/// Nothing when the text is no such job: then `problem` says where.
[[nodiscard]] std::optional<EmuJob> read_job(std::string_view text, std::string& problem);

/// The report of all launches as one JSON document.
struct EmuLaunchReport {
    std::string kernel;
    emu::Report report;
    double cpu_s = 0;  ///< of all threads together
};
[[nodiscard]] std::string show_report(
    const emu::ParseResult& parsed, const std::vector<EmuLaunchReport>& launches);

}  // namespace kw::harness
