// SPDX-License-Identifier: Apache-2.0
// kwright export --reverify: what goes into a pack was judged again in the same run.
#include "core/text_file.hpp"
#include "tests/support/board_kernels.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

using namespace kw;
using namespace kw::test;
namespace fs = std::filesystem;

namespace {

/// One element at a time; `note` makes it another kernel.
std::string kernel(const std::string& isa, const std::string& note) {
    return "//!kwright task=scale_add target=cpu isa=" + isa + "\n// " + note +
           "\nvoid scale_add(const float* w, const float* x, float* y, const void*, int64_t N) {\n"
           "    const int64_t used_" +
           note + " = N;\n    for (int64_t i = 0; i < used_" + note +
           "; ++i) y[i] = w[i] * x[i] + 1.0f;\n}\n";
}

std::vector<EvaluationRow> judgings_of(const fs::path& file, const std::string& hash) {
    auto store = db::Store::open(file, db::Access::read_only);
    REQUIRE(store.ok());
    auto rows = store->evaluations_of(hash);
    REQUIRE(rows.ok());
    return *rows;
}

}  // namespace

TEST_CASE(
    "export: --reverify judges every row that goes in, and what fails stays out", "[exporter]") {
    const Folder folder;
    const fs::path file = folder / "kwright.db";
    auto task = load_task(fs::path(KW_SOURCE_DIR) / "tests/support/tasks/scale_add");
    REQUIRE(task.ok());
    std::string narrow;
    std::string wide;
    {
        BoardMaker board(file);
        // Two rows of one task and device go in: the second has code that the first lacks.
        narrow =
            board.add("narrow", *task, {.source = kernel("x86-64-v2", "narrow"), .speedup = 3});
        wide = board.add("wide", *task, {.source = kernel("x86-64-v3", "wide")});
    }
    Program kwright(folder.path());
    kwright.environment["KWRIGHT_TASKS_DIR"] = KW_SOURCE_DIR "/tests/support/tasks";
    const Outcome first = kwright(
        {"export", "--reverify", "--judge-cap", "2", "--json", "-o", (folder / "one").string()});
    INFO(first.out << first.err);
    REQUIRE(first.code == 0);
    const auto made = nlohmann::json::parse(first.out);
    CHECK(made.at("kernels").size() >= 2);
    CHECK(first.err.find("judging 2 rows again") != std::string::npos);
    std::string here;
    for (const std::string& hash : {narrow, wide}) {
        const auto rows = judgings_of(file, hash);
        const auto again = std::ranges::find(rows, "reverify", &EvaluationRow::purpose);
        REQUIRE(again != rows.end());
        here = again->result.device;
    }
    // A claim about this machine that it does not bear out, and a kernel that was never right.
    std::string boaster;
    {
        BoardMaker board(file);
        boaster = board.add(
            "boaster",
            *task,
            {.source = kernel("x86-64-v3", "boaster"), .device = here, .speedup = 1000});
    }
    const Outcome second = kwright(
        {"export",
         "--reverify",
         "--min-speedup",
         "100",
         "--judge-cap",
         "2",
         "-o",
         (folder / "two").string()});
    INFO(second.out << second.err);
    CHECK(second.code == 1);
    CHECK(second.err.find("no longer holds") != std::string::npos);
    CHECK(!fs::exists(folder / "two"));
    const auto rows = judgings_of(file, boaster);
    CHECK(rows.front().state == "stale");
}
