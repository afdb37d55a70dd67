// SPDX-License-Identifier: Apache-2.0
#include "exporter/selection.hpp"

#include "core/hash.hpp"
#include "tests/support/board_kernels.hpp"
#include "tests/support/program.hpp"

using namespace kw;
using namespace kw::test;
using namespace kw::exporter;

namespace {

const std::filesystem::path k_tasks = std::filesystem::path(KW_SOURCE_DIR) / "tests/support/tasks";

struct Board {
    Folder folder;
    BoardMaker maker{folder / "k.db"};
    Task task = *load_task(k_tasks / "scale_add");
    TaskFinder find = [this](const std::string& name) -> Result<Task> {
        return name == task.name ? Result<Task>(task) : find_task(name, {k_tasks});
    };

    std::string add(const std::string& campaign, const BoardKernel& kernel) {
        return maker.add(campaign, task, kernel);
    }
    Result<Selection> select(const SelectOptions& options = {}) {
        return select_rows(maker.store(), options, find);
    }
};

}  // namespace

TEST_CASE("selection: the measured rows of each device, best first", "[exporter]") {
    Board board;
    const std::string best = board.add("a", {.source = "a", .speedup = 3});
    const std::string second = board.add("b", {.source = "b", .speedup = 2});
    const std::string other =
        board.add("c", {.source = "c", .device = "cpu: other", .speedup = 1.5});
    board.add("d", {.source = "d", .device = "emulated", .speedup = 9, .timing = "modelled"});
    const auto selection = board.select();
    REQUIRE(selection.ok());
    REQUIRE(selection->kernels.size() == 3);
    CHECK(selection->kernels[0].board.candidate_hash == best);
    CHECK(selection->kernels[0].candidate.source == "a");
    CHECK(selection->kernels[1].board.candidate_hash == second);
    CHECK(selection->kernels[2].board.candidate_hash == other);
    CHECK(!selection->named);
    REQUIRE(selection->skipped.size() == 1);
    CHECK(selection->skipped[0].reason.find("modelled") != std::string::npos);
}

TEST_CASE("selection: named kernels go in and modelled ones too", "[exporter]") {
    Board board;
    board.add("a", {.source = "a", .speedup = 3});
    const std::string second = board.add("b", {.source = "b", .speedup = 2});
    const std::string modelled =
        board.add("d", {.source = "d", .device = "emulated", .speedup = 9, .timing = "modelled"});
    SelectOptions options;
    options.kernels = {short_id('k', second), "k" + modelled};
    const auto selection = board.select(options);
    REQUIRE(selection.ok());
    CHECK(selection->kernels.size() == 2);
    options.kernels = {"kffffffff"};
    CHECK(board.select(options).error().code == Errc::usage);
}

TEST_CASE("selection: a filter finds rows that are not the best of their device", "[exporter]") {
    Board board;
    board.add("a", {.source = "a", .speedup = 3});
    const std::string older = board.add(
        "b", {.source = "//!kwright task=scale_add target=cpu isa=x86-64-v3\nb", .speedup = 2});
    SelectOptions options;
    options.filter = "x86-64-v3";
    const auto selection = board.select(options);
    REQUIRE(selection.ok());
    REQUIRE(selection->kernels.size() == 1);
    CHECK(selection->kernels[0].board.candidate_hash == older);
}

TEST_CASE(
    "selection: slow rows and other tasks and other versions of a task stay out", "[exporter]") {
    Board board;
    board.add("a", {.source = "a", .speedup = 1.02});
    SelectOptions options;
    options.min_speedup = 1.05;
    const auto slow = board.select(options);
    REQUIRE(!slow.ok());
    CHECK(slow.error().what.find("begins at 1.01x, below 1.05x") != std::string::npos);
    options = {};
    options.tasks = {"another"};
    CHECK(!board.select(options).ok());
    options = {};
    options.filter = "sm_90a";
    CHECK(!board.select(options).ok());
    options.filter = "cpu";
    CHECK(board.select(options).ok());
    board.task.cpu_hash = std::string(64, '0');
    board.task.hash = std::string(64, '1');
    const auto stale = board.select();
    REQUIRE(!stale.ok());
    CHECK(stale.error().what.find("another version of the task") != std::string::npos);
}

TEST_CASE(
    "selection: rows that may be slower than the baseline go in only when asked for",
    "[exporter]") {
    Board board;
    const std::string slow = board.add("a", {.source = "a", .speedup = 1.005});  // from 0.995
    CHECK(board.select().error().code == Errc::usage);
    SelectOptions options;
    options.min_speedup = 0;
    CHECK(board.select(options).ok());
    options = {};
    options.kernels = {"k" + slow};
    CHECK(board.select(options).ok());
    options.min_speedup = 1;  // said, it holds for named ones too
    CHECK(!board.select(options).ok());
}
