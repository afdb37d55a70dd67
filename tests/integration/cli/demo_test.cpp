// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

#include <signal.h>
#include <sys/wait.h>

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

std::set<std::string> campaign_names(const Program& kwright) {
    std::set<std::string> names;
    const json list = json::parse(kwright({"campaign", "list", "--json"}).out);
    for (const json& row : list.at("rows")) {
        CHECK(names.insert(row.at("name")).second);
    }
    return names;
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
    // Of its parts only the last has time enough; its campaign shows before it has judged.
    const int demo = kwright.start({"demo", "--seconds", "10", "-q"});
    std::set<std::string> names = campaign_names(kwright);
    int status = 0;
    while (names.size() < 2 && waitpid(demo, &status, WNOHANG) == 0) {
        names = campaign_names(kwright);
    }
    REQUIRE(names == std::set<std::string>{"demo-w4a16_gemv", "demo-w4a16_gemv-2"});
    REQUIRE(kill(demo, SIGINT) == 0);
    REQUIRE(waitpid(demo, &status, 0) == demo);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 130);
    const json kept = json::parse(kwright({"show", "demo-w4a16_gemv", "--json"}).out);
    CHECK(kept.at("evaluations").size() == 1);
    CHECK(kept.at("state") == "finished");
}
