// SPDX-License-Identifier: Apache-2.0
#include "evaluator/device/cuda/gpu_room.hpp"

#include "evaluator/fill.hpp"

#include <algorithm>
#include <cstring>

namespace kw::cuda {
namespace {

constexpr std::int64_t k_argument_align = 256;  // docs/launch-plan.md promises it
constexpr std::int64_t k_zone = 1024;           // painted, before and behind every argument

std::int64_t up(std::int64_t bytes) {
    return (bytes + k_argument_align - 1) / k_argument_align * k_argument_align;
}

bool is_output(Role role) {
    return role == Role::out || role == Role::inout || role == Role::workspace;
}

std::span<std::byte> part(std::span<std::byte> image, const ArgPlace& place) {
    return image.subspan(
        static_cast<std::size_t>(place.offset), static_cast<std::size_t>(place.bytes));
}

bool same(
    std::span<const std::byte> a,
    std::span<const std::byte> b,
    std::int64_t from,
    std::int64_t to) {
    const auto begin = static_cast<std::size_t>(from);
    const auto bytes = static_cast<std::size_t>(to - from);
    return bytes == 0 || std::memcmp(a.data() + begin, b.data() + begin, bytes) == 0;
}

}  // namespace

Result<Room> plan_room(const Task& task, const DimMap& dims, const EvaluatedPlan& plan) {
    Room room;
    room.set_bytes = room.slot_bytes = k_zone;
    for (const Arg& arg : task.args) {
        KW_TRY_ASSIGN(const std::int64_t bytes, byte_size(arg, dims));
        const bool weight = arg.role == Role::weight;
        std::int64_t& end = weight ? room.set_bytes : room.slot_bytes;
        room.args.push_back({weight, end, bytes});
        end = up(end + bytes) + k_zone;
    }
    for (const EvaluatedWorkspace& workspace : plan.workspaces) {
        room.scratch.push_back({false, room.scratch_bytes, workspace.bytes});
        room.scratch_bytes = up(room.scratch_bytes + workspace.bytes);
    }
    return room;
}

void compose(
    const Task& task,
    const Room& room,
    bool weights,
    const std::vector<std::vector<std::byte>>& content,
    std::uint64_t salt,
    std::span<std::byte> image) {
    std::int64_t painted = 0;
    const auto paint_up_to = [&](std::int64_t end) {
        poison(part(image, {weights, painted, end - painted}), DType::u8, salt);
    };
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        if (room.args[i].weight != weights) {
            continue;
        }
        paint_up_to(room.args[i].offset);
        painted = room.args[i].offset + room.args[i].bytes;
        const std::span<std::byte> place = part(image, room.args[i]);
        if (i < content.size() && !content[i].empty()) {
            std::ranges::copy(content[i], place.begin());
        } else {
            poison(place, task.args[i].dtype, salt);
        }
    }
    paint_up_to(static_cast<std::int64_t>(image.size()));
}

Damage look_for_damage(
    const Task& task,
    const Room& room,
    bool weights,
    std::span<const std::byte> before,
    std::span<const std::byte> after) {
    Damage damage;
    std::int64_t at = 0;
    std::string previous;
    for (std::size_t i = 0; i < task.args.size(); ++i) {
        const ArgPlace& place = room.args[i];
        if (place.weight != weights) {
            continue;
        }
        if (damage.zone.empty() && !same(before, after, at, place.offset)) {
            damage.zone = previous.empty() ? "before " + task.args[i].name : "behind " + previous;
        }
        at = place.offset + place.bytes;
        previous = task.args[i].name;
        if (damage.changed.empty() && !is_output(task.args[i].role) &&
            !same(before, after, place.offset, at)) {
            damage.changed = previous;
        }
    }
    if (damage.zone.empty() && !same(before, after, at, static_cast<std::int64_t>(before.size()))) {
        damage.zone = "behind " + previous;
    }
    return damage;
}

}  // namespace kw::cuda
