// SPDX-License-Identifier: Apache-2.0
#include "cli/board_table.hpp"

#include "db/store.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/program.hpp"
#include "tests/support/rows.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>

using namespace kw;
using namespace kw::cli;
using namespace kw::test;
using nlohmann::json;

namespace {

BoardRow row(const std::string& hash, const std::string& timing, double speedup) {
    BoardRow row;
    row.task = "gemv";
    row.candidate_hash = hash + std::string(60, '0');
    row.campaign = "c";
    row.target = timing == "modelled" ? "cuda" : "cpu";
    row.device_id = timing == "modelled" ? "emulated:sm_90a" : "cpu";
    row.device = row.device_id + ": fake, 2 cores";
    row.timing_kind = timing;
    row.isa = timing == "modelled" ? "sm_90a" : "native";
    row.speedup = {speedup, speedup - (timing == "modelled" ? 0 : 0.1), speedup};
    row.comparison = Comparison::faster;
    return row;
}

std::string table(const std::vector<BoardRow>& rows) {
    const Console console(stdout, stderr, Color::never);
    return board_table(rows, console);
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// A campaign on a device with one accepted kernel.
void put(db::Store& store, RandomRows& random, const std::string& device, double speedup) {
    CampaignRow campaign;
    campaign.name = campaign.task = "gemv";
    campaign.device = device;
    campaign.target = device == "cpu" ? "cpu" : "cuda";
    campaign.proposer = "tune";
    campaign.state = "finished";
    auto created = store.create_campaign(campaign);
    REQUIRE(created.ok());
    CandidateRow kernel = random.candidate();
    kernel.task = "gemv";
    kernel.target = campaign.target;
    REQUIRE(store.put_candidate(kernel).ok());
    EvaluationRow evaluation;
    evaluation.campaign_id = created->id;
    evaluation.candidate_hash = kernel.hash;
    evaluation.result.verdict = Verdict::accepted;
    evaluation.result.speedup = {speedup, speedup, speedup};
    evaluation.result.device = device + ": fake";
    evaluation.result.timing_kind =
        std::string(name(device == "cpu" ? Provenance::measured : Provenance::modelled));
    REQUIRE(store.put_evaluation(evaluation, *created).ok());
}

}  // namespace

TEST_CASE("board table: modelled rows stand apart and never move the measured summary", "[cli]") {
    const std::string both = table({row("aaaa", "measured", 1.2), row("bbbb", "modelled", 40)});
    const std::size_t heading = both.find("modelled on emulated devices, not measured:");
    REQUIRE(heading != std::string::npos);
    CHECK(both.find("kaaaa000") < heading);
    CHECK(both.find("kbbbb000") > heading);
    CHECK(contains(both.substr(0, heading), "geometric mean of bests 1.20x"));
    CHECK(contains(both.substr(0, heading), "cold, measured"));
    CHECK(contains(both.substr(heading), "geometric mean of bests 40.00x"));
    CHECK_FALSE(contains(both.substr(heading), "intervals"));
    CHECK(contains(both.substr(heading), "  modelled  "));
    const std::string measured = table({row("aaaa", "measured", 1.2)});
    CHECK_FALSE(contains(measured, "modelled"));
    CHECK(contains(measured, "1.20x [1.10, 1.20]"));
}

TEST_CASE("board table: the command filters by device and says the kind of time", "[cli]") {
    const Folder folder;
    {
        auto store = db::Store::open(folder / "kwright.db", db::Access::write);
        REQUIRE(store.ok());
        RandomRows random(3);
        put(*store, random, "cpu", 1.5);
        put(*store, random, "emulated:sm_80", 30);
        put(*store, random, "emulated:sm_90a", 40);
    }
    const Program kwright(folder.path());
    const auto timings = [&](std::vector<std::string> words) {
        words.insert(words.begin(), "board");
        words.emplace_back("--json");
        const Outcome outcome = kwright(words);
        CHECK(outcome.code == 0);
        std::string all;
        const json document = json::parse(outcome.out);
        for (const json& row : document["rows"]) {
            all +=
                row["device_id"].get<std::string>() + "=" + row["timing"].get<std::string>() + " ";
        }
        return all;
    };
    CHECK(timings({}) == "cpu=measured emulated:sm_80=modelled emulated:sm_90a=modelled ");
    CHECK(timings({"--device", "cpu"}) == "cpu=measured ");
    CHECK(timings({"--device", "emulated"}) == "emulated:sm_80=modelled emulated:sm_90a=modelled ");
    CHECK(timings({"--device", "emulated:sm_90a"}) == "emulated:sm_90a=modelled ");
    CHECK(
        contains(kwright({"board", "--device", "cuda:0"}).err, "no accepted kernel yet on cuda:0"));
    const Outcome list = kwright({"campaign", "list"});
    CHECK(contains(list.out, "emulated:sm_80"));
    CHECK(contains(kwright({"show", "gemv-2"}).out, "on emulated:sm_80"));
    CHECK(json::parse(kwright({"show", "gemv-3", "--json"}).out)["device"] == "emulated:sm_90a");
    CHECK(contains(kwright({"watch", "gemv-3"}).err, "gemv on emulated:sm_90a"));
}
