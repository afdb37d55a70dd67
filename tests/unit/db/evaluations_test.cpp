// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/db/fixture.hpp"

#include <cstring>

using namespace kw;
using namespace kw::test;

TEST_CASE("evaluations: random rows come back to the bit", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    CampaignRow campaign = campaign_of(store, "c", "t");
    std::vector<EvaluationRow> written;
    for (int step = 0; step < 150; ++step) {
        RandomRows random(static_cast<std::uint64_t>(step) + 1000);
        const CandidateRow candidate = random.candidate();
        must(store.put_candidate(candidate));
        EvaluationRow row = random.row(campaign.id, step, step % 3);
        row.candidate_hash = step % 7 == 0 ? "" : candidate.hash;
        row.parent_hash = step % 5 == 0 ? "" : random.hash();
        row.reply_hash = step % 3 == 0 ? "" : random.hash();
        CHECK(must(store.put_evaluation(row, campaign)));
        written.push_back(row);
    }
    const auto read = must(store.evaluations(campaign.id));
    REQUIRE(read.size() == written.size());
    for (std::size_t i = 0; i < read.size(); ++i) {
        INFO("row " << i);
        CHECK(differences(read[i], written[i]) == "");
        CHECK(differences(read[i].result, written[i].result) == "");
        for (std::size_t s = 0; s < written[i].result.shapes.size(); ++s) {
            CHECK(differences(read[i].result.shapes[s], written[i].result.shapes[s]) == "");
        }
        if (!written[i].candidate_hash.empty()) {
            const auto alone = must(store.evaluations_of(written[i].candidate_hash));
            REQUIRE(alone.size() == 1);
            CHECK(differences(alone[0], written[i]) == "");
            CHECK(alone[0].id == read[i].id);
        }
    }
    CHECK(must(store.integrity()) == "ok");
}

TEST_CASE("evaluations: the comparison of rows sees a change of one bit", "[db]") {
    RandomRows random(4);
    EvaluationRow row = random.row(1, 0, 0);
    row.result.shapes.assign(1, random.shape());
    row.result.shapes[0].samples.assign(1, Sample{1.0, 2.0, 0, 1});
    EvaluationRow other = row;
    CHECK(differences(row, other) == "");
    other.result.shapes[0].samples[0].candidate_ns = std::nextafter(2.0, 3.0);
    CHECK(differences(row, other) != "");
    other = row;
    other.result.wall_s = 0.0;
    row.result.wall_s = -0.0;
    CHECK(differences(row, other) != "");
}

TEST_CASE("evaluations: a slot is stored once and a second try changes nothing", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    CampaignRow campaign = campaign_of(store, "c", "t");
    RandomRows random(9);
    const EvaluationRow row = random.row(campaign.id, 2, 1);
    campaign.evaluations = 1;
    campaign.spent_usd = 0.25;
    CHECK(must(store.put_evaluation(row, campaign)));
    CHECK(must(store.campaign("c"))->evaluations == 1);

    EvaluationRow second = random.row(campaign.id, 2, 1);
    campaign.evaluations = 2;
    campaign.spent_usd = 99;
    CHECK_FALSE(must(store.put_evaluation(second, campaign)));
    const auto rows = must(store.evaluations(campaign.id));
    REQUIRE(rows.size() == 1);
    CHECK(differences(rows[0], row) == "");
    CHECK(must(store.campaign("c"))->evaluations == 1);
    CHECK(must(store.campaign("c"))->spent_usd == 0.25);
}

TEST_CASE("evaluations: what a judge with a layer turned off found is not taken", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = campaign_of(store, "c", "t");
    RandomRows random(3);
    EvaluationRow row = random.row(campaign.id, 0, 0);
    row.candidate_hash.clear();
    row.result.sandbox_profile = "bwrap+seccomp without:late-inputs";
    const auto stored = store.put_evaluation(row, campaign);
    REQUIRE_FALSE(stored.ok());
    CHECK(contains(stored.error().what, "without:late-inputs"));
    CHECK(must(store.evaluations(campaign.id)).empty());

    EvaluationRow first = row;
    first.result.sandbox_profile = "bwrap+seccomp";
    row.reproduces = first.id = must(store.put_evaluation(first, campaign));
    row.purpose = "promotion";
    CHECK_FALSE(store.put_promotion(row, {first}, campaign).ok());
    row.purpose = "reverify";
    CHECK_FALSE(store.put_judging(row, db::Earlier::stale).ok());
    CHECK(must(store.judgings(campaign.id)).empty());
    CHECK(must(store.evaluations(campaign.id)).at(0).state == first.state);
}

TEST_CASE("evaluations: a failed one leaves no part behind", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = campaign_of(store, "c", "t");
    EvaluationRow row = RandomRows(2).row(campaign.id, 0, 0);
    row.result.shapes.assign(2, RandomRows(3).shape());
    row.result.findings.assign(2, Finding{"r", "info", "scan", "e"});

    SECTION("a candidate that was never stored") {
        row.candidate_hash = std::string(64, '1');
        CHECK_FALSE(store.put_evaluation(row, campaign).ok());
    }
    SECTION("a state that is no word of ours") {
        row.state = "maybe";
        CHECK_FALSE(store.put_evaluation(row, campaign).ok());
    }
    SECTION("a campaign that vanished") {
        CampaignRow ghost = campaign;
        ghost.id = row.campaign_id = campaign.id + 5;
        CHECK_FALSE(store.put_evaluation(row, ghost).ok());
    }
    Outsider raw(dir / "k.db");
    for (const char* table :
         {"evaluation", "shape_timing", "case_outcome", "finding", "stage_time"}) {
        CHECK(raw.text(std::string("SELECT count(*) FROM ") + table) == "0");
    }
}

TEST_CASE("evaluations: they are listed by step and slot whatever order they came in", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = campaign_of(store, "c", "t");
    const CampaignRow other = campaign_of(store, "d", "t");
    for (const auto& [step, slot] :
         {std::pair(2, 0), std::pair(0, 1), std::pair(1, 3), std::pair(0, 0)}) {
        EvaluationRow row = RandomRows(7).row(campaign.id, step, slot);
        CHECK(must(store.put_evaluation(row, campaign)));
    }
    CHECK(must(store.put_evaluation(RandomRows(8).row(other.id, 0, 0), other)));
    std::string order;
    for (const EvaluationRow& row : must(store.evaluations(campaign.id))) {
        order += std::to_string(row.step) + "." + std::to_string(row.slot) + " ";
    }
    CHECK(order == "0.0 0.1 1.3 2.0 ");
}

TEST_CASE("evaluations: findings of a rule are marked in every judging of a kernel", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = campaign_of(store, "c", "t");
    CandidateRow kernel;
    kernel.hash = std::string(64, 'a');
    kernel.task = "t";
    must(store.put_candidate(kernel));
    for (int slot = 0; slot < 2; ++slot) {
        EvaluationRow row = RandomRows(9).row(campaign.id, 0, slot);
        row.candidate_hash = kernel.hash;
        row.state = slot == 0 ? "judged" : "stale";
        row.result.findings = {{"memset", "info", "build", "e"}, {"other", "info", "time", "e"}};
        CHECK(must(store.put_evaluation(row, campaign)));
    }
    CHECK(must(store.mark_findings(kernel.hash, "memset", "false alarm")) == 2);
    CHECK(must(store.mark_findings(kernel.hash, "absent", "confirmed")) == 0);
    CHECK_FALSE(store.mark_findings(kernel.hash, "memset", "nonsense").ok());
    for (const EvaluationRow& row : must(store.evaluations_of(kernel.hash))) {
        REQUIRE(row.result.findings.size() == 2);
        CHECK(row.result.findings[0].state == "false alarm");
        CHECK(row.result.findings[1].state == "open");
    }
    CHECK(must(store.revoke(std::string(64, 'b'))) == 0);
    CHECK(must(store.revoke(kernel.hash)) == 1);
    CHECK(must(store.revoke(kernel.hash)) == 0);
    CHECK(must(store.evaluations_of(kernel.hash)).at(0).state == "revoked");
    CHECK(must(store.evaluations_of(kernel.hash)).at(1).state == "stale");
}

TEST_CASE("evaluations: the state can be changed to a known one only", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = campaign_of(store, "c", "t");
    EvaluationRow row = RandomRows(7).row(campaign.id, 0, 0);
    row.state = "judged";
    CHECK(must(store.put_evaluation(row, campaign)));
    const std::int64_t id = must(store.evaluations(campaign.id)).at(0).id;
    must(store.set_evaluation_state(id, "revoked"));
    CHECK(must(store.evaluations(campaign.id)).at(0).state == "revoked");
    CHECK_FALSE(store.set_evaluation_state(id, "nonsense").ok());
    CHECK_FALSE(store.set_evaluation_state(id + 1, "stale").ok());
    CHECK(must(store.evaluations(campaign.id)).at(0).state == "revoked");
}

namespace {

/// A later judging of `first`.
EvaluationRow again(const EvaluationRow& first, const std::string& purpose, std::uint64_t seed) {
    EvaluationRow row = RandomRows(seed).row(first.campaign_id, first.step, first.slot);
    row.state = "judged";
    row.purpose = purpose;
    row.reproduces = first.id;
    row.candidate_hash = first.candidate_hash;
    return row;
}

}  // namespace

TEST_CASE("evaluations: a promotion is stored once with what the search makes of it", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    CampaignRow campaign = campaign_of(store, "c", "t");
    CHECK(must(store.put_evaluation(RandomRows(1).row(campaign.id, 3, 1), campaign)));
    EvaluationRow first = must(store.evaluations(campaign.id)).at(0);
    first.reward = 1.5;
    first.best_discounted = 1.75;
    first.new_best = true;
    const EvaluationRow second = again(first, "promotion", 2);
    campaign.settings_json = "{\"elapsed_s\":7}";
    CHECK(must(store.put_promotion(second, {first}, campaign)));
    EvaluationRow changed = first;
    changed.reward = 9;
    CHECK_FALSE(must(store.put_promotion(again(first, "promotion", 3), {changed}, campaign)));

    const auto evaluations = must(store.evaluations(campaign.id));
    REQUIRE(evaluations.size() == 1);
    CHECK(differences(evaluations[0], first) == "");
    const auto judgings = must(store.judgings(campaign.id));
    REQUIRE(judgings.size() == 1);
    CHECK(differences(judgings[0], second) == "");
    CHECK(judgings[0].result.stages.size() == second.result.stages.size());
    CHECK(must(store.campaign("c"))->settings_json == campaign.settings_json);
    must(store.remove_campaign("c"));
    CHECK(must(store.integrity()) == "ok");
    CHECK(Outsider(dir / "k.db").text("SELECT count(*) FROM evaluation") == "0");
}

TEST_CASE("evaluations: what was judged twice is stored with both judgings or not at all", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    CampaignRow campaign = campaign_of(store, "c", "t");
    const EvaluationRow first = RandomRows(1).row(campaign.id, 3, 1);
    EvaluationRow second = again(first, "promotion", 2);
    second.state = "maybe";
    campaign.evaluations = 7;
    CHECK_FALSE(store.put_evaluation(first, second, campaign).ok());
    CHECK(must(store.evaluations(campaign.id)).empty());
    CHECK(must(store.campaign("c"))->evaluations != 7);
    second.state = "judged";
    second.reproduces = must(store.put_evaluation(first, second, campaign));
    CHECK(must(store.evaluations(campaign.id)).at(0).id == second.reproduces);
    CHECK(differences(must(store.judgings(campaign.id)).at(0), second) == "");
    CHECK(must(store.campaign("c"))->evaluations == 7);
    CHECK(must(store.put_evaluation(first, second, campaign)) == 0);
    CHECK(must(store.judgings(campaign.id)).size() == 1);
}

TEST_CASE("evaluations: later judgings are added and mark or keep the earlier ones", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = campaign_of(store, "c", "t");
    for (const int slot : {0, 1, 2}) {
        EvaluationRow row = RandomRows(4).row(campaign.id, 0, slot);
        row.state = slot == 2 ? "revoked" : "judged";
        CHECK(must(store.put_evaluation(row, campaign)));
    }
    const auto firsts = must(store.evaluations(campaign.id));
    must(store.put_judging(again(firsts[0], "reverify", 5), db::Earlier::keep));
    must(store.put_judging(again(firsts[0], "rejudge", 6), db::Earlier::stale));
    must(store.put_judging(again(firsts[2], "rejudge", 7), db::Earlier::stale));
    EvaluationRow nobody = again(firsts[0], "reverify", 8);
    nobody.reproduces = 4711;
    CHECK_FALSE(store.put_judging(nobody, db::Earlier::stale).ok());

    std::string states;
    for (const EvaluationRow& row : must(store.evaluations(campaign.id))) {
        states += row.state + " ";
    }
    CHECK(states == "stale judged revoked ");  // its neighbour and what was withdrawn stay
    states.clear();
    for (const EvaluationRow& row : must(store.judgings(campaign.id))) {
        states += std::to_string(row.slot) + row.purpose + "=" + row.state + " ";
    }
    CHECK(states == "0reverify=stale 0rejudge=judged 2rejudge=judged ");
}
