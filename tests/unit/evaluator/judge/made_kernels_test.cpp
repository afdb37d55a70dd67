// SPDX-License-Identifier: Apache-2.0
#include "evaluator/made_kernels.hpp"

#include "core/task_file.hpp"
#include "evaluator/device/cpu/build.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

using namespace kw;

using namespace kw::test;

namespace {

Task load(const std::string& folder) {
    auto task = load_task(std::filesystem::path(KW_SOURCE_DIR) / folder);
    REQUIRE(task.ok());
    return std::move(*task);
}

bool compiles(const Task& task, const std::string& source) {
    const Folder folder;
    write_file(folder / (task.name + ".h"), cpu::task_header(task));
    write_file(folder / "kernel.cpp", source);
    const std::string command =
        "cd " + folder.path().string() +
        " && g++ -std=c++20 -march=x86-64-v3 -fsyntax-only -DKW_TRAMPOLINES "
        "-include stddef.h -include stdint.h kernel.cpp";
    return std::system(command.c_str()) == 0;
}

}  // namespace

TEST_CASE("made_kernels: they compile against the task's own header", "[cli][slow]") {
    const Task small = load("tests/support/tasks/scale_add");
    CHECK(compiles(small, idle_kernel(small)));
    CHECK(compiles(small, zero_kernel(small)));
    const Task task = load("benchmarks/w4a16_gemv");
    const auto slowed = slowed_kernel(task, read_file(task.baselines.back().file), 5);
    REQUIRE(slowed.ok());
    CHECK(compiles(task, *slowed));
}

TEST_CASE("made_kernels: a task that adds to its arguments is not slowed", "[cli]") {
    Task task = load("tests/support/tasks/scale_add");
    task.args.back().role = Role::inout;
    const auto slowed = slowed_kernel(task, "", 5);
    REQUIRE(!slowed.ok());
    CHECK(slowed.error().code == Errc::usage);
}
