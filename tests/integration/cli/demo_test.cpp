// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

#include <set>

using namespace kw::test;
using nlohmann::json;

TEST_CASE("demo: ends with a board and a second one makes campaigns of its own", "[cli]") {
    const Folder folder;
    const Program kwright(folder.path());
    const Outcome first = kwright({"demo"});
    INFO(first.out << first.err);
    REQUIRE(first.code == 0);
    CHECK(first.out.find("geometric mean of bests") != std::string::npos);
    CHECK(first.err.find("next      kwright show k") != std::string::npos);
    const Outcome second = kwright({"demo", "--json", "--seconds", "20"});
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
