// SPDX-License-Identifier: Apache-2.0
// The calibration log: critiques and estimates beside what came of them.
#include "db/migrations.hpp"
#include "tests/unit/db/fixture.hpp"

using namespace kw;
using namespace kw::test;

namespace {

CritiqueRow random_critique(RandomRows& random, std::int64_t campaign_id, int step, int slot) {
    CritiqueRow row;
    row.campaign_id = campaign_id;
    row.step = step;
    row.slot = slot;
    row.kind = random.flag() ? "rules" : "model";
    row.usable = random.flag();
    row.diagnosis = random.text();
    row.bottleneck = random.text();
    row.change = random.text();
    row.expected_gain = random.real();
    row.raw = random.text(5000);
    row.model = random.text();
    row.tokens_in = random.integer();
    row.tokens_out = random.integer();
    row.usd = random.real();
    row.seconds = random.real();
    row.created_ms = random.integer();
    return row;
}

std::string differences(const CritiqueRow& a, const CritiqueRow& b) {
    return Differences()
        .field("campaign_id", a.campaign_id, b.campaign_id)
        .field("step", a.step, b.step)
        .field("slot", a.slot, b.slot)
        .field("part", a.part, b.part)
        .field("kind", a.kind, b.kind)
        .field("usable", a.usable, b.usable)
        .field("diagnosis", a.diagnosis, b.diagnosis)
        .field("bottleneck", a.bottleneck, b.bottleneck)
        .field("change", a.change, b.change)
        .field("expected_gain", a.expected_gain, b.expected_gain)
        .field("raw", a.raw, b.raw)
        .field("model", a.model, b.model)
        .field("tokens_in", a.tokens_in, b.tokens_in)
        .field("tokens_out", a.tokens_out, b.tokens_out)
        .field("usd", a.usd, b.usd)
        .field("seconds", a.seconds, b.seconds)
        .field("created_ms", a.created_ms, b.created_ms)
        .text();
}

EstimateRow estimate(std::int64_t campaign_id, int step, int slot, const std::string& part) {
    EstimateRow row;
    row.campaign_id = campaign_id;
    row.step = step;
    row.slot = slot;
    row.part = part;
    row.kind = "features";
    row.speedup = 1.5;
    row.chance = 0.25;
    return row;
}

}  // namespace

TEST_CASE("critiques: they come back to the bit in the order of steps and slots", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = campaign_of(store, "c", "t");
    std::vector<CritiqueRow> wanted;
    for (int i = 0; i < 60; ++i) {
        RandomRows random(static_cast<std::uint64_t>(i));
        wanted.push_back(random_critique(random, campaign.id, i / 3, i % 3));
    }
    for (auto row = wanted.rbegin(); row != wanted.rend(); ++row) {
        CHECK(must(store.put_critique(*row)));
    }
    const std::vector<CritiqueRow> found = must(store.critiques(campaign.id));
    REQUIRE(found.size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        INFO(i);
        CHECK(differences(found[i], wanted[i]) == "");
    }
}

TEST_CASE("critiques: a second one of the same place and part changes nothing", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = campaign_of(store, "c", "t");
    RandomRows random(1);
    const CritiqueRow first = random_critique(random, campaign.id, 1, 0);
    CritiqueRow second = random_critique(random, campaign.id, 1, 0);
    CHECK(must(store.put_critique(first)));
    CHECK_FALSE(must(store.put_critique(second)));
    REQUIRE(must(store.critiques(campaign.id)).size() == 1);
    CHECK(differences(must(store.critiques(campaign.id))[0], first) == "");
    second.part = "another";
    CHECK(must(store.put_critique(second)));
    CHECK(must(store.critiques(campaign.id)).size() == 2);
}

TEST_CASE("critiques: kinds that are no word of ours and unknown campaigns are refused", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = campaign_of(store, "c", "t");
    CritiqueRow row;
    row.campaign_id = campaign.id;
    row.kind = "'; DROP TABLE critique; --";
    CHECK_FALSE(store.put_critique(row).ok());
    row.kind = "rules";
    row.campaign_id = campaign.id + 1;
    CHECK_FALSE(store.put_critique(row).ok());
    EstimateRow foretold = estimate(campaign.id, 1, 0, "value");
    foretold.kind = "oracle";
    CHECK_FALSE(store.put_estimate(foretold).ok());
    CHECK(must(store.critiques(campaign.id)).empty());
    CHECK(must(store.estimates(campaign.id)).empty());
}

TEST_CASE("estimates: each stands beside the first judging at its place", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = campaign_of(store, "c", "t");
    EvaluationRow judged;
    judged.campaign_id = campaign.id;
    judged.step = 1;
    judged.slot = 2;
    judged.reward = 2.5;
    judged.result.verdict = Verdict::accepted;
    const std::int64_t id = must(store.put_evaluation(judged, campaign));
    EvaluationRow again = judged;
    again.purpose = "rejudge";
    again.reproduces = id;
    again.result.verdict = Verdict::wrong_result;
    must(store.put_judging(again, db::Earlier::keep));
    CHECK(must(store.put_estimate(estimate(campaign.id, 1, 2, "value"))));
    CHECK(must(store.put_estimate(estimate(campaign.id, 1, 2, "verifier:memory"))));
    EstimateRow ranked_out = estimate(campaign.id, 1, 3, "value");
    ranked_out.kept = false;
    CHECK(must(store.put_estimate(ranked_out)));
    CHECK_FALSE(must(store.put_estimate(estimate(campaign.id, 1, 3, "value"))));
    const std::vector<EstimateRow> found = must(store.estimates(campaign.id));
    REQUIRE(found.size() == 3);
    CHECK(found[0].part == "value");
    CHECK(found[0].speedup == 1.5);
    CHECK(found[0].chance == 0.25);
    CHECK(found[0].judged);
    CHECK(found[0].verdict == Verdict::accepted);
    CHECK(found[0].reward == 2.5);
    CHECK(found[1].part == "verifier:memory");
    CHECK_FALSE(found[2].judged);
    CHECK_FALSE(found[2].kept);
}

TEST_CASE("critiques: they go with their campaign", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = campaign_of(store, "c", "t");
    RandomRows random(1);
    must(store.put_critique(random_critique(random, campaign.id, 1, 0)));
    must(store.put_estimate(estimate(campaign.id, 1, 0, "value")));
    must(store.remove_campaign("c"));
    CHECK(must(store.critiques(campaign.id)).empty());
    CHECK(must(store.estimates(campaign.id)).empty());
    CHECK(must(store.integrity()) == "ok");
}

TEST_CASE("critiques: a file of before they were stored has none when viewed", "[db]") {
    const TempDir dir;
    const fs::path file = dir / "old.db";
    {
        db::Connection connection =
            must(db::Connection::open(file, file.string(), db::OpenMode::write, 0));
        std::vector<db::Migration> older;
        for (const db::Migration& step : db::migrations()) {
            if (step.name.find("critiques") == std::string::npos && step.version < 6) {
                older.push_back(step);
            }
        }
        must(db::migrate(connection, older));
    }
    Outsider(file).exec("PRAGMA application_id = " + std::to_string(db::k_application_id));
    db::Store viewer = open_store(file, db::Access::read_only);
    CHECK(must(viewer.critiques(1)).empty());
    CHECK(must(viewer.estimates(1)).empty());
}
