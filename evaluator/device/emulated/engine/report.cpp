// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/report.hpp"

namespace kw::emu {
namespace {

std::string hex(std::uint64_t value) {
    static constexpr char k_digits[] = "0123456789abcdef";
    std::string out;
    do {
        out.insert(out.begin(), k_digits[value & 15]);
        value >>= 4;
    } while (value != 0);
    return "0x" + out;
}

const char* space_name(Space space) {
    switch (space) {
        case Space::shared: return "shared";
        case Space::local: return "local";
        case Space::constant: return "constant";
        case Space::param: return "parameter";
        default: return "global";
    }
}

const char* hazard_name(Hazard hazard) {
    switch (hazard) {
        case Hazard::read_after_write: return "read-after-write";
        case Hazard::write_after_read: return "write-after-read";
        case Hazard::write_after_write: return "write-after-write";
        default: return "";
    }
}

std::string triple(const std::array<std::uint32_t, 3>& v) {
    return "(" + std::to_string(v[0]) + "," + std::to_string(v[1]) + "," + std::to_string(v[2]) +
           ")";
}

std::string place(const Location& at, const Module& module) {
    std::string out = "PTX line " + std::to_string(at.ptx_line);
    if (at.file > 0 && static_cast<std::size_t>(at.file) < module.files.size()) {
        out = module.files[static_cast<std::size_t>(at.file)] + ":" + std::to_string(at.line) +
              " (" + out + ")";
    }
    return out;
}

std::string target(const Finding& finding) {
    std::string out = std::to_string(finding.bytes) + "-byte " + space_name(finding.space) + " " +
                      (finding.write ? "write" : "read") + " at " + hex(finding.address);
    if (finding.allocation.empty()) {
        return finding.allocation_bytes == 0
                   ? out + ", which is in no allocation"
                   : out + " of " + std::to_string(finding.allocation_bytes) + " bytes";
    }
    out += ", ";
    const auto size = static_cast<std::int64_t>(finding.allocation_bytes);
    if (finding.offset < 0) {
        out += std::to_string(-finding.offset) + " bytes before ";
    } else if (finding.offset >= size) {
        out += std::to_string(finding.offset - size) + " bytes after the end of ";
    } else {
        out += "byte " + std::to_string(finding.offset) + " of ";
    }
    return out + finding.allocation + " (" + std::to_string(size) + " bytes)";
}

}  // namespace

const char* finding_name(FindingKind kind) {
    switch (kind) {
        case FindingKind::out_of_bounds: return "out-of-bounds access";
        case FindingKind::misaligned: return "misaligned access";
        case FindingKind::write_to_read_only: return "write to read-only memory";
        case FindingKind::uninitialised_read: return "uninitialised read";
        case FindingKind::async_copy_not_waited: return "read of a copy in flight";
        case FindingKind::unwritten_output: return "output not written";
        case FindingKind::shared_race: return "shared memory race";
        case FindingKind::global_race: return "global memory race";
        case FindingKind::divergent_barrier: return "divergent barrier";
        case FindingKind::barrier_after_exit: return "barrier after threads have exited";
        case FindingKind::unconverged_warp_op: return "warp operation with absent lanes";
        case FindingKind::exited_lane_in_mask: return "exited lane in a member mask";
        case FindingKind::invalid_mask: return "member mask without the executing lane";
        case FindingKind::invalid_barrier: return "invalid barrier";
        case FindingKind::trap: return "trap";
        case FindingKind::assertion: return "assertion";
        case FindingKind::bad_address: return "invalid operand";
        case FindingKind::count: break;
    }
    return "";
}

const char* severity_name(Severity severity) {
    switch (severity) {
        case Severity::information: return "information";
        case Severity::warning: return "warning";
        case Severity::error: break;
    }
    return "error";
}

const char* ending_name(Ending ending) {
    switch (ending) {
        case Ending::completed: return "completed";
        case Ending::faulted: return "faulted";
        case Ending::hang: return "hang";
        case Ending::unsupported: return "unsupported";
        case Ending::bad_launch: break;
    }
    return "bad launch";
}

void InsnCounts::add(const InsnCounts& other) {
    warps += other.warps;
    threads += other.threads;
    requests += other.requests;
    sectors += other.sectors;
    lines += other.lines;
    wavefronts += other.wavefronts;
    excess += other.excess;
    divergent += other.divergent;
}

std::string describe(const Finding& finding, const Module& module) {
    std::string out =
        std::string(severity_name(finding.severity)) + ": " + finding_name(finding.kind);
    if (finding.kind == FindingKind::unwritten_output) {
        return out + ": " + std::to_string(finding.count) + " of " +
               std::to_string(finding.allocation_bytes) + " bytes of " + finding.allocation +
               ", the first at byte " + std::to_string(finding.offset);
    }
    if (finding.hazard != Hazard::none) {
        out += std::string(" (") + hazard_name(finding.hazard) + ")";
    }
    if (finding.bytes != 0) {
        out += ": " + target(finding);
    }
    if (!finding.detail.empty()) {
        out += ": " + finding.detail;
    }
    out += "; block " + triple(finding.block) + " thread " + triple(finding.thread) + " warp " +
           std::to_string(finding.warp) + " lane " + std::to_string(finding.lane) + " at " +
           place(finding.at, module);
    if (finding.other.ptx_line != 0) {
        out += "; the earlier access at " + place(finding.other, module);
    }
    if (finding.count > 1) {
        out += "; " + std::to_string(finding.count) + " times";
    }
    return out;
}

}  // namespace kw::emu
