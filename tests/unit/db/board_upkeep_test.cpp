// SPDX-License-Identifier: Apache-2.0
// The board that is kept beside the evaluations against the one computed from all of them: a copy
// of the file that says schema 7 is read the old way.
#include "tests/unit/db/fixture.hpp"

using namespace kw;
using namespace kw::test;

namespace {

struct Campaigns {
    std::vector<CampaignRow> rows;

    explicit Campaigns(db::Store& store) {
        for (const char* task : {"gemv", "norm"}) {
            for (const char* device : {"cpu", "cuda:0", "cuda:1", "emulated:sm_80"}) {
                CampaignRow row = named(std::string(task) + "-" + device);
                row.task = task;
                row.target = std::string(device) == "cpu" ? "cpu" : "cuda";
                row.device = device;
                row.state = "running";
                rows.push_back(must(store.create_campaign(row)));
            }
        }
    }
};

/// Few different values, so that ranks are tied and judgings contradict one another.
Evaluation some_result(RandomRows& random, const CampaignRow& campaign) {
    Evaluation result;
    result.verdict = random.below(4) == 0 ? Verdict::wrong_result : Verdict::accepted;
    const double speedup = 1 + static_cast<double>(random.below(4));
    result.speedup = {speedup, speedup - 0.5 * static_cast<double>(random.below(2)), speedup};
    if (random.below(12) == 0) {
        result.speedup = {std::numeric_limits<double>::infinity(), 1, 1};
    }
    if (random.below(12) == 0) {
        result.speedup.lo = std::numeric_limits<double>::quiet_NaN();
    }
    const bool modelled = campaign.device.starts_with("emulated");
    result.timing_kind = modelled ? "modelled" : "measured";
    result.device = modelled ? "emulated" : campaign.target + (random.flag() ? " A" : " B");
    return result;
}

/// One change of any kind that the store knows.
void change(db::Store& store, RandomRows& random, const Campaigns& campaigns, int step) {
    const CampaignRow& campaign = campaigns.rows[random.below(campaigns.rows.size())];
    const auto stored = must(store.evaluations(campaign.id));
    const std::uint64_t kind = stored.empty() ? 0 : random.below(8);
    if (kind <= 2) {
        CandidateRow candidate = random.candidate();
        candidate.task = campaign.task;
        candidate.target = campaign.target;
        candidate.origin = random.below(8) == 0 ? "baseline" : "reply";
        must(store.put_candidate(candidate));
        EvaluationRow row;
        row.campaign_id = campaign.id;
        row.step = step;
        row.candidate_hash = candidate.hash;
        row.state = random.below(6) == 0 ? "waiting_device" : "judged";
        row.result = some_result(random, campaign);
        CHECK(must(store.put_evaluation(row, campaign)) != 0);
        return;
    }
    EvaluationRow row = stored[random.below(stored.size())];
    if (kind == 3) {
        must(store.revoke(row.candidate_hash));
    } else if (kind == 4) {
        const char* states[] = {"judged", "stale", "unverified", "judged"};
        must(store.set_evaluation_state(row.id, states[random.below(4)]));
    } else if (kind == 5) {
        EvaluationRow promotion = row;
        promotion.purpose = "promotion";
        promotion.reproduces = row.id;
        promotion.state = "judged";
        promotion.result = some_result(random, campaign);
        row.state = random.flag() ? "judged" : "stale";
        must(store.put_promotion(promotion, {row}, campaign));
    } else {
        row.reproduces = row.id;
        row.purpose = kind == 6 ? "reverify" : "rejudge";
        row.state = "judged";
        row.result = some_result(random, campaign);
        const db::Earlier earlier[] = {
            db::Earlier::keep, db::Earlier::stale_here, db::Earlier::stale};
        must(store.put_judging(row, earlier[random.below(3)]));
    }
}

std::vector<BoardFilter> filters() {
    std::vector<BoardFilter> out;
    for (const bool all : {false, true}) {
        for (const int limit : {0, 1, 3, 100}) {
            BoardFilter filter;
            filter.all = all;
            filter.limit = limit;
            out.push_back(filter);
            filter.task = "norm";
            out.push_back(filter);
            filter.target = "cuda";
            out.push_back(filter);
            filter.device = "cuda";
            out.push_back(filter);
            filter.task.reset();
            out.push_back(filter);
            filter.campaigns = {"gemv-cuda:0", "norm-cuda:1", "nobody's"};
            out.push_back(filter);
            filter.device.reset();
            filter.target.reset();
            out.push_back(filter);
        }
    }
    return out;
}

std::vector<std::int64_t> ids(db::Store& store, const BoardFilter& filter) {
    std::vector<std::int64_t> out;
    for (const BoardRow& row : must(store.board(filter))) {
        out.push_back(row.evaluation_id);
    }
    return out;
}

/// As a file of schema 7, which keeps no board.
db::Store computed(const TempDir& dir) {
    fs::copy_file(dir / "k.db", dir / "old.db", fs::copy_options::overwrite_existing);
    Outsider(dir / "old.db").exec("PRAGMA user_version = 7");
    return open_store(dir / "old.db", db::Access::read_only);
}

}  // namespace

TEST_CASE("board upkeep: what is kept is what all evaluations say, after any change", "[db]") {
    const TempDir dir;
    RandomRows random{47};
    std::size_t shown = 0;
    for (int round = 0; round < 12; ++round) {
        {
            db::Store store = open_store(dir / "k.db");
            const Campaigns campaigns(store);  // each round adds "-2", "-3", ...
            for (int i = 0; i < 40; ++i) {
                change(store, random, campaigns, i);
            }
            if (round % 4 == 3) {
                must(store.remove_campaign(campaigns.rows[random.below(8)].name));
            }
        }
        db::Store kept = open_store(dir / "k.db", db::Access::read_only);
        db::Store old = computed(dir);
        for (const BoardFilter& filter : filters()) {
            const auto wanted = ids(old, filter);
            CHECK(ids(kept, filter) == wanted);
            shown += wanted.size();
        }
    }
    CHECK(shown > 1000);  // the comparison was about something
}

TEST_CASE("board upkeep: a file of before gets its board when it is first written", "[db]") {
    const TempDir dir;
    {
        db::Store store = open_store(dir / "k.db");
        RandomRows random{53};
        const Campaigns campaigns(store);
        for (int i = 0; i < 120; ++i) {
            change(store, random, campaigns, i);
        }
    }
    Outsider outsider(dir / "k.db");
    for (const char* table :
         {"board_entry", "board_group", "job", "token", "queue_share", "worker"}) {
        outsider.exec(std::string("DROP TABLE ") + table);
    }
    outsider.exec("DROP INDEX evaluation_best");
    outsider.exec("DELETE FROM schema_note WHERE version >= 8");
    outsider.exec("PRAGMA user_version = 7");
    std::vector<std::vector<std::int64_t>> before;
    {
        db::Store old = open_store(dir / "k.db", db::Access::read_only);
        for (const BoardFilter& filter : filters()) {
            before.push_back(ids(old, filter));
        }
    }
    db::Store store = open_store(dir / "k.db");
    std::size_t at = 0;
    for (const BoardFilter& filter : filters()) {
        CHECK(ids(store, filter) == before[at++]);
    }
}

TEST_CASE("board upkeep: an outsider's entry for what does not count is not shown", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    RandomRows random{59};
    const CampaignRow campaign = campaign_of(store, "one", "gemv");
    CandidateRow candidate = random.candidate();
    candidate.task = "gemv";
    must(store.put_candidate(candidate));
    EvaluationRow row;
    row.campaign_id = campaign.id;
    row.candidate_hash = candidate.hash;
    row.result.verdict = Verdict::accepted;
    row.result.speedup = {9, 9, 9};
    must(store.put_evaluation(row, campaign));
    REQUIRE(ids(store, {}).size() == 1);
    Outsider(dir / "k.db").exec("UPDATE evaluation SET verdict = 'WA'");
    CHECK(ids(store, {}).empty());
}
