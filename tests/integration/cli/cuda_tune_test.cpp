// SPDX-License-Identifier: Apache-2.0
// A whole search without a model, a key or a GPU: thirty parameter settings of a CUDA seed.
#include "evaluator/device/cuda/toolkit.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

using namespace kw::test;
using nlohmann::json;

TEST_CASE(
    "cuda tune: thirty evaluations on the emulated device reach the board", "[cli][untimed]") {
    if (!kw::cuda::find_toolkit()) {
        WARN("skipped: no CUDA toolkit here");
        return;
    }
    const Folder folder;
    Program kwright(folder.path());
    kwright.environment["KWRIGHT_CACHE_DIR"] = (folder / "cache").string();  // nothing is built yet
    const Outcome run = kwright(
        {"run",
         "w4a16_gemv",
         "--target",
         "cuda",
         "--device",
         "emulated:sm_90a",
         "--proposer",
         "tune",
         "--max-evals",
         "30",
         "--name",
         "c"});
    INFO(run.out << run.err);
    REQUIRE(run.code == 0);

    const json campaign = json::parse(kwright({"show", "c", "--json"}).out);
    CHECK(campaign.at("state") == "finished");
    REQUIRE(campaign.at("evaluations").size() == 30);
    double best = 0;
    for (const json& row : campaign.at("evaluations")) {
        const json& evaluation = row.at("evaluation");
        CHECK(evaluation.at("timing") == "modelled");
        CHECK(evaluation.at("verdict") == "AC");
        REQUIRE_FALSE(evaluation.at("speedup").is_null());
        best = std::max(best, evaluation.at("speedup").at("value").get<double>());
    }
    const json board = json::parse(kwright({"board", "--json"}).out);
    REQUIRE(board.at("rows").size() == 1);
    CHECK(board.at("rows")[0].at("timing") == "modelled");
    CHECK(board.at("rows")[0].at("speedup") == best);
    CHECK(best > 1);
}
