// SPDX-License-Identifier: Apache-2.0
// A real model's replies for a CUDA task, built and judged anew on the emulated device.
#include "evaluator/device/cuda/toolkit.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

using namespace kw::test;
using nlohmann::json;

TEST_CASE("cuda replay: recorded replies are judged on the emulated device", "[cli][untimed]") {
    if (!kw::cuda::find_toolkit()) {
        WARN("skipped: no CUDA toolkit here");
        return;
    }
    const Folder folder;
    const Program kwright(folder.path());
    const Outcome run = kwright(
        {"run",
         "w4a16_gemv",
         "--target",
         "cuda",
         "--device",
         "emulated:sm_90a",
         "--proposer",
         "replay:" KW_SOURCE_DIR "/tests/support/cassettes/w4a16_gemv.sm_90a.cassette.jsonl",
         "--max-evals",
         "10",
         "--name",
         "c"});
    INFO(run.out << run.err);
    REQUIRE(run.code == 0);
    const json campaign = json::parse(kwright({"show", "c", "--json"}).out);
    CHECK(campaign.at("state") == "finished");
    double seed = 0, best = 0;
    for (const json& row : campaign.at("evaluations")) {
        const json& evaluation = row.at("evaluation");
        CHECK(evaluation.at("timing") == "modelled");
        if (evaluation.at("speedup").is_null()) {
            continue;
        }
        const double speedup = evaluation.at("speedup").at("value");
        (row.at("step") == 0 ? seed : best) = std::max(row.at("step") == 0 ? seed : best, speedup);
    }
    CHECK(campaign.at("evaluations").size() >= 4);
    CHECK(best > seed);
}
