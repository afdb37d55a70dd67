// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

using namespace kw::test;
using nlohmann::json;

namespace {

/// Whether the live campaign's best has an interval above its seed's.
bool improves_on_its_seed(const Program& kwright) {
    const json list = json::parse(kwright({"campaign", "list", "--json"}).out);
    for (const json& row : list.at("rows")) {
        if (row.at("proposer") != "tune") {
            continue;
        }
        const json campaign =
            json::parse(kwright({"show", row.at("name").get<std::string>(), "--json"}).out);
        double seed_hi = 0, best_lo = 0;
        for (const json& evaluation : campaign.at("evaluations")) {
            const json& speedup = evaluation.at("evaluation").at("speedup");
            if (speedup.is_null()) {
                continue;
            }
            const json& interval = speedup.at("ci95");
            if (evaluation.at("step") == 0) {
                seed_hi = interval[1];
            }
            best_lo = std::max(best_lo, interval[0].get<double>());
        }
        return seed_hi > 0 && best_lo > seed_hi;
    }
    return false;
}

}  // namespace

TEST_CASE("demo: ends with a board and its live search improves on its seed", "[cli]") {
    const Folder folder;
    const Program kwright(folder.path());
    const Outcome demo = kwright({"demo", "--seconds", "36"});
    INFO(demo.out << demo.err);
    REQUIRE(demo.code == 0);
    CHECK(demo.out.find("geometric mean of bests") != std::string::npos);
    CHECK(demo.err.find("next      kwright show k") != std::string::npos);
    CHECK(improves_on_its_seed(kwright));
}

TEST_CASE("demo: a campaign of its name that is there stays as it is", "[cli][untimed]") {
    const Folder folder;
    const Program kwright(folder.path());
    const std::string task = std::string(KW_SOURCE_DIR) + "/tests/support/tasks/scale_add";
    const Outcome before = kwright(
        {"run",
         task,
         "--proposer",
         "tune",
         "--name",
         "demo-w4a16_gemv",
         "--max-evals",
         "1",
         "--judge-cap",
         "0.1"});
    INFO(before.out << before.err);
    REQUIRE(before.code == 0);
    // Of its parts only the last has time enough.
    const Outcome demo = kwright({"demo", "--json", "--seconds", "10"});
    INFO(demo.err);
    REQUIRE(demo.code == 0);
    std::set<std::string> names;
    const json document = json::parse(demo.out);
    for (const json& campaign : document.at("campaigns")) {
        CHECK(names.insert(campaign.at("campaign")).second);
    }
    CHECK(names.contains("demo-w4a16_gemv-2"));
    CHECK(!names.contains("demo-w4a16_gemv"));
    const json kept = json::parse(kwright({"show", "demo-w4a16_gemv", "--json"}).out);
    CHECK(kept.at("evaluations").size() == 1);
}
