// SPDX-License-Identifier: Apache-2.0
#include "core/task_file.hpp"
#include "evaluator/device/cuda/gpu_room.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>

using namespace kw;
using namespace kw::cuda;

namespace {

Task scale_add() {
    auto task = load_task(std::filesystem::path(KW_SOURCE_DIR) / "tests/support/tasks/scale_add");
    REQUIRE(task.ok());
    return std::move(task).value();
}

using Bytes = std::vector<std::byte>;

}  // namespace

TEST_CASE("gpu room: arguments are aligned, apart, and inside") {
    const Task task = scale_add();
    for (const std::int64_t n : {1, 7, 64, 1023, 4097}) {
        EvaluatedPlan plan;
        plan.workspaces = {{"a", 5}, {"b", 0}, {"c", 300}};
        const auto room = plan_room(task, {{"N", n}}, plan);
        REQUIRE(room.ok());
        for (const ArgPlace& a : room->args) {
            CHECK(a.offset % 256 == 0);
            CHECK(a.bytes == 4 * n);
            CHECK(a.offset >= 1024);
            CHECK(a.offset + a.bytes + 1024 <= (a.weight ? room->set_bytes : room->slot_bytes));
            for (const ArgPlace& b : room->args) {
                const bool apart = &a == &b || a.weight != b.weight ||
                                   a.offset + a.bytes + 1024 <= b.offset ||
                                   b.offset + b.bytes + 1024 <= a.offset;
                CHECK(apart);
            }
        }
        CHECK(room->set_bytes % 256 == 0);
        CHECK(room->slot_bytes % 256 == 0);
        REQUIRE(room->scratch.size() == 3);
        CHECK(room->scratch[1].offset == 256);
        CHECK(room->scratch[2].offset == 256);
        CHECK(room->scratch_bytes == 768);
    }
}

TEST_CASE("gpu room: every changed byte outside the outputs is seen, and none inside") {
    const Task task = scale_add();  // w: weight, x: in, y: out
    const auto room = plan_room(task, {{"N", 9}}, {});
    REQUIRE(room.ok());
    for (const bool weights : {false, true}) {
        Bytes before(static_cast<std::size_t>(weights ? room->set_bytes : room->slot_bytes));
        compose(
            task,
            *room,
            weights,
            {weights ? Bytes(36, std::byte{1}) : Bytes{},
             weights ? Bytes{} : Bytes(36, std::byte{2}),
             {}},
            77,
            before);
        CHECK(look_for_damage(task, *room, weights, before, before).zone.empty());
        for (std::size_t i = 0; i < before.size(); ++i) {
            Bytes after = before;
            after[i] ^= std::byte{1};
            const Damage damage = look_for_damage(task, *room, weights, before, after);
            const auto at = static_cast<std::int64_t>(i);
            const auto in = [&](std::size_t arg) {
                const ArgPlace& place = room->args[arg];
                return place.weight == weights && at >= place.offset &&
                       at < place.offset + place.bytes;
            };
            const bool in_input = in(0) || in(1);
            const bool in_output = in(2);
            CHECK(damage.changed == (in_input ? (weights ? "w" : "x") : ""));
            CHECK(damage.zone.empty() == (in_input || in_output));
        }
    }
}

TEST_CASE("gpu room: outputs are poisoned differently for each salt") {
    const Task task = scale_add();
    const auto room = plan_room(task, {{"N", 16}}, {});
    REQUIRE(room.ok());
    Bytes one(static_cast<std::size_t>(room->slot_bytes));
    Bytes two(one.size());
    compose(task, *room, false, {}, 1, one);
    compose(task, *room, false, {}, 2, two);
    const auto y = static_cast<std::size_t>(room->args[2].offset);
    CHECK(!std::equal(
        one.begin() + static_cast<std::ptrdiff_t>(y),
        one.begin() + static_cast<std::ptrdiff_t>(y) + 64,
        two.begin() + static_cast<std::ptrdiff_t>(y)));
}
