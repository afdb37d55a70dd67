// SPDX-License-Identifier: Apache-2.0
// Collects findings: one entry a kind and instruction, with a count. A worker has its own.
#pragma once

#include "evaluator/device/emulated/engine/warp_state.hpp"

#include <map>

namespace kw::emu {

struct Program;

class Findings {
public:
    explicit Findings(std::size_t limit)
        : limit_(limit) {}

    /// Whether a finding of this kind at this instruction is there; then it is counted, and the
    /// caller saves itself the rest.
    bool seen(FindingKind kind, std::size_t insn, std::uint64_t count = 1) {
        const auto found = index_.find({kind, insn});
        if (found == index_.end()) {
            return false;
        }
        entries_[found->second].count += count;
        return true;
    }
    void add(Finding finding, std::size_t insn);
    /// Whether a finding speaks better than the entry, which is there: it is more severe, or as
    /// severe and of an earlier block, whichever worker came first.
    [[nodiscard]] bool outranks(
        FindingKind kind,
        std::size_t insn,
        Severity severity,
        const std::array<std::uint32_t, 3>& block) const;
    /// Puts a finding in the place of the entry, which is there; the count is kept.
    void replace(Finding finding, std::size_t insn);
    void merge(Findings&& other);
    [[nodiscard]] bool faulted() const;
    [[nodiscard]] bool capped() const { return capped_; }
    [[nodiscard]] std::vector<Finding> take();

private:
    using Key = std::pair<FindingKind, std::size_t>;
    std::map<Key, std::size_t> index_;
    std::vector<Finding> entries_;
    std::vector<Key> keys_;
    std::size_t limit_ = 0;
    bool capped_ = false;
};

/// What a handler knows of a defect; the rest (block, thread, source) comes from the warp.
struct Defect {
    FindingKind kind = FindingKind::out_of_bounds;
    Severity severity = Severity::error;
    Hazard hazard = Hazard::none;
    Space space = Space::global;
    bool write = false;
    std::uint32_t bytes = 0;
    std::uint64_t address = 0;
    std::uint32_t other_insn = 0xFFFFFFFFu;  ///< of the earlier access
    std::uint64_t count = 1;
    const char* detail = "";
};

/// Files a finding for one lane: looks up the variable that the address means.
void report(WarpState& warp, const Insn& insn, int lane, const Defect& defect);

/// Kinds after which a GPU would have stopped the kernel.
[[nodiscard]] bool is_fault(FindingKind kind);

}  // namespace kw::emu
