// SPDX-License-Identifier: Apache-2.0
#include "core/task_file.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>

using namespace kw;
namespace fs = std::filesystem;

TEST_CASE("benchmarks: every folder loads and has what the loop needs") {
    const auto entries = list_tasks({fs::path(KW_SOURCE_DIR) / "benchmarks"});
    CHECK(entries.size() >= 8);
    for (const TaskEntry& entry : entries) {
        const auto task = load_task(entry.folder);
        INFO(entry.name << ": " << (task.ok() ? "" : task.error().what));
        REQUIRE(task.ok());
        CHECK(task.value().baselines.front().name == "naive");
        CHECK(task.value().baselines.size() >= 2);
        CHECK_FALSE(task.value().seed.empty());
        CHECK(has_target(task.value(), "cuda"));
        CHECK(task.value().cuda.baselines.front().name == "naive");
        CHECK_FALSE(task.value().cuda.seed.empty());
        CHECK(fs::exists(entry.folder / "README.md"));
    }
}

TEST_CASE("benchmarks: the emulated device takes every small case and models every timed one") {
    for (const TaskEntry& entry : list_tasks({fs::path(KW_SOURCE_DIR) / "benchmarks"})) {
        const Task task = load_task(entry.folder).value();
        for (const Case& item : task.cases) {
            INFO(entry.name << " " << item.name);
            CHECK(item.emulated);
        }
        // Hidden shapes are drawn; enough of them must be small.
        std::size_t small = 0;
        for (std::size_t i = 0; i < 64; ++i) {
            DimMap dims;
            std::size_t rest = i;
            for (const auto& [name, values] : task.hidden.choose) {
                dims[name] = values[rest % values.size()];
                rest = rest / values.size() + i;
            }
            small += fits_emulated(task, dims) ? 1 : 0;
        }
        CHECK(small >= 32);
    }
}

TEST_CASE("benchmarks: no case is said to move more bytes than its arguments have") {
    for (const TaskEntry& entry : list_tasks({fs::path(KW_SOURCE_DIR) / "benchmarks"})) {
        const Task task = load_task(entry.folder).value();
        for (const Case& item : task.cases) {
            INFO(entry.name << " " << item.name);
            std::int64_t all = 0;
            for (const Arg& arg : task.args) {
                // An inout argument is read and written.
                all += byte_size(arg, item.dims).value() * (arg.role == Role::inout ? 2 : 1);
            }
            const auto bytes = task.cost.bytes.eval(item.dims);
            REQUIRE(bytes.ok());
            CHECK(bytes.value() <= all);
            CHECK(bytes.value() > 0);
            CHECK(task.cost.flop.eval(item.dims).value() >= 0);
            CHECK(task.cost.reference_flop.eval(item.dims).value() > 0);
        }
    }
}
