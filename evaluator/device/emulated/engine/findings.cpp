// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/emulated/engine/findings.hpp"

#include "evaluator/device/emulated/engine/block.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace kw::emu {
namespace {

/// "tile" of _ZZ6kernelE4tile, a variable of a function as nvcc mangles it; else the name.
std::string plain_name(const std::string& name) {
    if (!name.starts_with("_ZZ")) {
        return name;
    }
    for (std::size_t at = name.size(); at-- > 3;) {
        if (name[at - 1] != 'E' || name[at] < '1' || name[at] > '9') {
            continue;
        }
        std::size_t digits = at;
        std::size_t length = 0;
        while (digits < name.size() && name[digits] >= '0' && name[digits] <= '9') {
            length = length * 10 + static_cast<std::size_t>(name[digits++] - '0');
        }
        if (length != 0 && length <= name.size() - digits) {
            return name.substr(digits, length);
        }
    }
    return name;
}

void name_variable(Finding& finding, const std::vector<Variable>& variables) {
    for (const Variable& variable : variables) {
        if (finding.address >= variable.offset &&
            finding.address - variable.offset < variable.bytes) {
            finding.allocation = plain_name(variable.name);
            finding.offset = static_cast<std::int64_t>(finding.address - variable.offset);
            finding.allocation_bytes = variable.bytes;
            return;
        }
    }
}

/// The buffer or variable that an address means.
void name_place(Finding& finding, WarpState& warp) {
    const Block& block = *warp.block;
    if (finding.space == Space::shared) {
        finding.allocation_bytes = block.shared_bytes;
        finding.offset = static_cast<std::int64_t>(finding.address);
        name_variable(finding, block.program->shared_variables);
        if (finding.allocation.empty() && finding.address >= block.program->shared_static &&
            finding.address < block.shared_bytes) {
            finding.allocation = "dynamic shared memory";
            finding.offset -= block.program->shared_static;
            finding.allocation_bytes = block.shared_bytes - block.program->shared_static;
        }
    } else if (finding.space == Space::local) {
        finding.allocation_bytes = block.program->local_bytes;
        finding.offset = static_cast<std::int64_t>(finding.address);
        name_variable(finding, block.program->local_variables);
    } else if (const Allocation* allocation = block.run->memory->find(finding.address)) {
        finding.allocation = plain_name(allocation->name);
        finding.offset = static_cast<std::int64_t>(finding.address - allocation->address);
        finding.allocation_bytes = allocation->bytes;
    }
}

}  // namespace

void Findings::add(Finding finding, std::size_t insn) {
    const Key key{finding.kind, insn};
    if (entries_.size() >= limit_) {
        capped_ = true;
        return;
    }
    index_.emplace(key, entries_.size());
    entries_.push_back(std::move(finding));
    keys_.push_back(key);
}

void Findings::merge(Findings&& other) {
    capped_ = capped_ || other.capped_;
    for (std::size_t i = 0; i < other.entries_.size(); ++i) {
        Finding& finding = other.entries_[i];
        const std::size_t insn = other.keys_[i].second;
        if (!seen(finding.kind, insn, finding.count)) {
            add(std::move(finding), insn);
        } else if (outranks(finding.kind, insn, finding.severity, finding.block)) {
            replace(std::move(finding), insn);
        }
    }
}

bool Findings::outranks(
    FindingKind kind,
    std::size_t insn,
    Severity severity,
    const std::array<std::uint32_t, 3>& block) const {
    const Finding& known = entries_[index_.at({kind, insn})];
    if (severity != known.severity) {
        return severity > known.severity;
    }
    return std::lexicographical_compare(
        block.rbegin(), block.rend(), known.block.rbegin(), known.block.rend());
}

void Findings::replace(Finding finding, std::size_t insn) {
    Finding& entry = entries_[index_.at({finding.kind, insn})];
    finding.count = entry.count;
    entry = std::move(finding);
}

bool Findings::faulted() const {
    return std::any_of(entries_.begin(), entries_.end(), [](const Finding& finding) {
        return is_fault(finding.kind);
    });
}

std::vector<Finding> Findings::take() {
    std::vector<std::size_t> order(entries_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [this](std::size_t i, std::size_t j) {
        const Finding& a = entries_[i];
        const Finding& b = entries_[j];
        return std::tuple(b.severity, a.at.ptx_line, keys_[i]) <
               std::tuple(a.severity, b.at.ptx_line, keys_[j]);
    });
    std::vector<Finding> sorted;
    sorted.reserve(order.size());
    for (const std::size_t i : order) {
        sorted.push_back(std::move(entries_[i]));
    }
    return sorted;
}

bool is_fault(FindingKind kind) {
    switch (kind) {
        case FindingKind::out_of_bounds:
        case FindingKind::misaligned:
        case FindingKind::write_to_read_only:
        case FindingKind::trap:
        case FindingKind::assertion:
        case FindingKind::bad_address: return true;
        default: return false;
    }
}

void report(WarpState& warp, const Insn& insn, int lane, const Defect& defect) {
    Block& block = *warp.block;
    Findings& findings = block.worker->findings;
    const std::size_t index = warp.index_of(insn);
    const bool again = findings.seen(defect.kind, index, defect.count);
    if (again && !findings.outranks(defect.kind, index, defect.severity, block.id)) {
        return;
    }
    Finding finding;
    finding.kind = defect.kind;
    finding.severity = defect.severity;
    finding.hazard = defect.hazard;
    finding.space = defect.space;
    finding.write = defect.write;
    finding.bytes = defect.bytes;
    finding.address = defect.address;
    finding.at = insn.at;
    if (defect.other_insn < block.program->insns.size()) {
        finding.other = block.program->insns[defect.other_insn].at;
    }
    finding.block = block.id;
    finding.warp = warp.index;
    finding.lane = static_cast<std::uint32_t>(lane);
    finding.thread = thread_of(warp, lane);
    finding.count = defect.count;
    finding.detail = defect.detail;
    if (defect.bytes != 0) {
        name_place(finding, warp);
    }
    if (again) {
        findings.replace(std::move(finding), index);
    } else {
        findings.add(std::move(finding), index);
    }
}

}  // namespace kw::emu
