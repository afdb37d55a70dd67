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

TEST_CASE("demo: ends with a board and a second one makes campaigns of its own", "[cli]") {
    const Folder folder;
    const Program kwright(folder.path());
    const Outcome first = kwright({"demo", "--seconds", "36"});
    INFO(first.out << first.err);
    REQUIRE(first.code == 0);
    CHECK(first.out.find("geometric mean of bests") != std::string::npos);
    CHECK(first.err.find("next      kwright show k") != std::string::npos);
    CHECK(improves_on_its_seed(kwright));
    const Outcome second = kwright({"demo", "--json", "--seconds", "10"});
    REQUIRE(second.code == 0);
    const json document = json::parse(second.out);
    std::set<std::string> names;
    for (const json& campaign : document.at("campaigns")) {
        const std::string name = campaign.at("campaign");
        CHECK(name.ends_with("-2"));
        names.insert(name);
    }
    CHECK(!names.empty());
    CHECK(names.size() == document.at("campaigns").size());
}
