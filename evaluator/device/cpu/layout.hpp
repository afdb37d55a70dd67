// SPDX-License-Identifier: Apache-2.0
// Where every argument of a task lies: in which memory, at which offset, at which address in every
// runner.
#pragma once

#include "core/result.hpp"
#include "core/task.hpp"
#include "evaluator/harness/control.hpp"

#include <cstdint>
#include <vector>

namespace kw::cpu {

/// Room for `copies` instances of one argument (weights: the sets of the pool), `stride` bytes
/// apart.
struct Slot {
    harness::Region region = harness::region_io;
    std::uint64_t address = 0;     ///< in every runner
    std::int64_t file_offset = 0;  ///< in the region's memory
    std::int64_t stride = 0;
    std::int64_t copies = 1;
};

/// Output offsets of the timed placements: one lucky placement must not decide (4 KiB aliasing with
/// the inputs).
inline constexpr std::int64_t k_placements[] = {0, 1088, 2112};
inline constexpr int k_placement_count = 3;
inline constexpr int k_placement_guarded =
    -1;  ///< flush against the unmapped page behind: the check stage

struct Layout {
    std::vector<Slot> args;       ///< by argument
    std::vector<Slot> originals;  ///< by argument; role inout only: the fresh content, read-only,
                                  ///< for the reference
    Slot packed;                  ///< stride 0 when the task has no prepare
    std::int64_t sets = 1;
    std::int64_t region_bytes[harness::region_count] = {};
    std::vector<harness::Segment> segments;
};

/// Capacity for every one of `shapes`. `sets`: weight sets in the pool.
[[nodiscard]] Result<Layout> plan_layout(
    const Task& task, const std::vector<DimMap>& shapes, std::int64_t sets);

/// Memory of the reference: it reads a seat's inputs and weights where they are, and writes here.
struct OracleLayout {
    std::vector<Slot> want0, want1;  ///< by argument: the reference's buffers (reference_bytes())
    Slot vector, projected, projected_magnitude;  ///< Freivalds
    Slot indices, at0, at1;                       ///< single elements
    std::int64_t io_bytes = 0;
    std::vector<harness::Segment> segments;  ///< the seat's inputs and weights, and the above
};
/// `most_indices`: elements that one call may ask for.
[[nodiscard]] Result<OracleLayout> plan_oracle(
    const Task& task,
    const std::vector<DimMap>& shapes,
    const Layout& seat,
    std::int64_t most_indices);

/// Offset of an argument of `bytes` inside a slot.
[[nodiscard]] std::int64_t place(const Slot& slot, std::int64_t bytes, int placement, Role role);

}  // namespace kw::cpu
