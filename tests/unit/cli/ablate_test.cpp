// SPDX-License-Identifier: Apache-2.0
#include "db/store.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using namespace kw::test;

namespace {

std::string out_of(const Program& kwright, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"dev", "ablate"});
    const Outcome outcome = kwright(arguments);
    INFO(outcome.err);
    CHECK(outcome.code == 0);
    return outcome.out;
}

}  // namespace

TEST_CASE("ablate: golden screens", "[cli]") {
    const Folder folder;
    const Program kwright(folder.path());
    const std::string screens = out_of(kwright, {"--runs", "60", "--budget", "16"}) + "\n" +
                                out_of(
                                    kwright,
                                    {"--bed",
                                     "tune",
                                     "--strategies",
                                     "maxcode:-critique,best-of-n,tune",
                                     "--runs",
                                     "40",
                                     "--budget",
                                     "12"}) +
                                "\n" +
                                out_of(
                                    kwright,
                                    {"--strategies",
                                     "maxcode,maxcode:-critique",
                                     "--sweep",
                                     "critique",
                                     "--critic",
                                     "rules",
                                     "--seeds",
                                     "held-out",
                                     "--runs",
                                     "40"});
    check_golden("ablate.txt", screens);
    check_golden("help-dev-ablate.txt", kwright({"dev", "ablate", "--help"}).out);
}

TEST_CASE("ablate: the document holds every arm in every unit", "[cli]") {
    const Folder folder;
    const Program kwright(folder.path());
    const auto document =
        nlohmann::json::parse(out_of(kwright, {"--runs", "20", "--budget", "8", "--json"}));
    CHECK(document["schema"] == "kwright.ablate/1");
    CHECK(document["seeds"] == "development");
    REQUIRE(document["arms"].size() == 4);
    for (const auto& arm : document["arms"]) {
        CHECK(arm["units"].size() == 4);
    }
    CHECK(document["arms"][0]["units"][0]["first_over_this"]["ci95"][0] == 1.0);
    const auto sweep = nlohmann::json::parse(
        out_of(kwright, {"--runs", "20", "--budget", "8", "--sweep", "ideas", "--json"}));
    CHECK(sweep["sweep"]["parameter"] == "ideas");
    CHECK(sweep["sweep"]["points"].size() == 5);
    CHECK_FALSE(sweep.contains("arms"));
}

TEST_CASE("ablate: what comes from a file or a database is looked at first", "[cli]") {
    const Folder folder;
    const Program kwright(folder.path());
    write_file(folder / "bed.toml", "[change]\nhit = 2\n");
    for (const char* file : {"bed.toml", "absent.toml", "/dev/zero"}) {
        INFO(file);
        CHECK(kwright({"dev", "ablate", "--bed-file", file}).code == 2);
        CHECK(kwright({"dev", "ablate", "--bed", "tune", "--bed-file", file}).code == 2);
    }
    CHECK(kwright({"dev", "ablate", "--fit", "x"}).code == 5);  // no database here
    REQUIRE(kw::db::Store::open(folder / "kwright.db", kw::db::Access::write).ok());
    CHECK(kwright({"dev", "ablate", "--fit", "x"}).code == 2);
    CHECK(kwright({"dev", "ablate", "--record", "x"}).code == 2);
}

TEST_CASE("ablate: what cannot be asked for is a usage error with a hint", "[cli]") {
    const Folder folder;
    const Program kwright(folder.path());
    const std::vector<std::vector<std::string>> mistakes = {
        {"--strategies", "maxcod"},
        {"--strategies", "chain:+trajectori"},
        {"--strategies", ""},
        {"--sweep", "critiqe"},
        {"--bed", "tune", "--sweep", "jump"},
        {"--critique", "1.5"},
        {"--critique", "nan"},
        {"--runs", "1"},
        {"--budget", "0"},
        {"--seeds", "secret"},
        {"--fit", "none", "--json"},
    };
    for (std::vector<std::string> arguments : mistakes) {
        INFO(arguments.back());
        arguments.insert(arguments.begin(), {"dev", "ablate"});
        const Outcome outcome = kwright(arguments);
        CHECK(outcome.code == 2);
        CHECK(outcome.out.empty());
    }
}
