// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.hpp"
#include "tests/unit/evaluator/build/support.hpp"

#include <fstream>

namespace {

using namespace kw;
using namespace kw::test;

/// Exit code of a compiler over `source`, with both headers of the task beside it.
int compile(const Task& task, const std::string& source, std::vector<std::string> argv) {
    auto box = sandbox::open_sandbox("auto");
    REQUIRE(box);
    const auto folder = (*box)->make_run_dir("header");
    REQUIRE(folder);
    std::ofstream(*folder / (task.name + ".h")) << cpu::task_header(task);
    std::ofstream(*folder / (task.name + "_reference.h")) << cpu::reference_header(task);
    std::ofstream(*folder / "source.c") << source;
    sandbox::Command command;
    command.argv = std::move(argv);
    command.argv.insert(
        command.argv.end(), {"-I.", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "source.c"});
    command.env = {{"PATH", "/usr/bin:/bin"}, {"LC_ALL", "C"}};
    command.cwd = *folder;
    command.binds = {{*folder, {}, true}};
    const auto outcome = (*box)->run(command);
    REQUIRE(outcome);
    INFO(outcome->err);
    return outcome->exit_code;
}

TEST_CASE("header: it compiles alone as C99 and as C++ and twice in one file") {
    for (const Task& task : {add_task(), gemv_task(), product_task()}) {
        const std::string source = "#include \"" + task.name + ".h\"\n#include \"" + task.name +
                                   "_reference.h\"\n#include \"" + task.name + ".h\"\n";
        CHECK(compile(task, source, {"/usr/bin/gcc", "-std=c99", "-pedantic"}) == 0);
        CHECK(compile(task, source, {"/usr/bin/g++", "-x", "c++", "-std=c++20"}) == 0);
        CHECK(
            compile(
                task,
                source,
                {"/usr/bin/g++",
                 "-x",
                 "c++",
                 "-std=c++20",
                 "-march=x86-64-v4",
                 "-DKW_TRAMPOLINES",
                 "-Wold-style-cast",
                 "-Wconversion"}) == 0);
    }
}

TEST_CASE("header: a definition with another signature does not compile in C") {
    const Task task = add_task();
    const std::string good =
        "#include \"add_f32.h\"\nvoid add_f32(const float* a, const float* b, float* y, int64_t N)"
        "{ (void)a; (void)b; (void)y; (void)N; }\n";
    const std::string bad =
        "#include \"add_f32.h\"\nvoid add_f32(const float* a, const float* b, double* y, int64_t N)"
        "{ (void)a; (void)b; (void)y; (void)N; }\n";
    CHECK(compile(task, good, {"/usr/bin/gcc"}) == 0);
    CHECK(compile(task, bad, {"/usr/bin/gcc"}) != 0);
}

TEST_CASE("header: prose from a task cannot leave its comment") {
    Task task = add_task();
    task.title = "*/ int escaped_title; /*";
    task.summary =
        "line */ int escaped_summary;\\\n*"
        "/ int escaped_twice; /*";
    task.args[0].layout = "**//*/ int escaped_layout;";
    task.dims[0].about = "*/ int escaped_about; //";
    const std::string use = "#include \"add_f32.h\"\nint use(void) { return sizeof escaped_";
    CHECK(compile(task, "#include \"add_f32.h\"\n", {"/usr/bin/gcc"}) == 0);
    for (const char* name : {"title", "summary", "twice", "layout", "about"}) {
        CHECK(compile(task, use + name + "; }\n", {"/usr/bin/gcc"}) != 0);
    }
}

}  // namespace
