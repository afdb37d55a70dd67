// SPDX-License-Identifier: Apache-2.0
// Where a task's arguments lie on a GPU at one shape: weights in sets that a measurement rotates
// through, everything else in slots (one call each), painted zones around every argument. Offsets
// only; no device is asked.
#pragma once

#include "core/result.hpp"
#include "core/task.hpp"
#include "evaluator/device/cuda/launch_plan.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kw::cuda {

struct ArgPlace {
    bool weight = false;
    std::int64_t offset = 0;  ///< in its set or slot
    std::int64_t bytes = 0;
};

struct Room {
    std::vector<ArgPlace> args;     ///< by argument of the task
    std::int64_t set_bytes = 0;     ///< of one weight set, a multiple of 256
    std::int64_t slot_bytes = 0;    ///< of one slot, likewise
    std::vector<ArgPlace> scratch;  ///< by workspace of the plan; shared by all slots
    std::int64_t scratch_bytes = 0;
};

/// `plan`: as evaluated at these dims; its workspaces are placed too.
[[nodiscard]] Result<Room> plan_room(
    const Task& task, const DimMap& dims, const EvaluatedPlan& plan);

/// Content of arguments of one kind (weights, or the others) painted around with a pattern of
/// `salt`: what lies on the device before a call. Outputs are poisoned with `salt`.
void compose(
    const Task& task,
    const Room& room,
    bool weights,
    const std::vector<std::vector<std::byte>>& content,
    std::uint64_t salt,
    std::span<std::byte> image);

/// What a call left of such an image: the first argument of a read-only role that changed, and
/// whether a zone beside an argument was written ("behind y").
struct Damage {
    std::string changed;
    std::string zone;
};
[[nodiscard]] Damage look_for_damage(
    const Task& task,
    const Room& room,
    bool weights,
    std::span<const std::byte> before,
    std::span<const std::byte> after);

}  // namespace kw::cuda
