// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/db/fixture.hpp"

using namespace kw;
using namespace kw::test;

namespace {

CandidateRow candidate_of(RandomRows& random, const std::string& task) {
    CandidateRow row = random.candidate();
    row.task = task;
    return row;
}

}  // namespace

TEST_CASE("gc: an untouched campaign has nothing to remove", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    RandomRows random(1);
    const CampaignRow campaign = campaign_of(store, "c", "t");
    for (int step = 0; step < 5; ++step) {
        const CandidateRow candidate = candidate_of(random, "t");
        must(store.put_candidate(candidate));
        must(store.put_reply(random.reply(campaign.id, step, 0)));
        EvaluationRow row = random.row(campaign.id, step, 0);
        row.candidate_hash = candidate.hash;
        CHECK(must(store.put_evaluation(row, campaign)));
    }
    CHECK(must(store.gc(false)).blobs == 0);
    CHECK(must(store.gc(true)).blobs == 0);
    CHECK(must(store.replies(campaign.id)).size() == 5);
}

TEST_CASE("gc: what a removed campaign leaves is reported and then removed", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    RandomRows random(2);
    CampaignRow keep = campaign_of(store, "keep", "t");
    CampaignRow drop = campaign_of(store, "drop", "t");
    keep.state = drop.state = "finished";
    must(store.update_campaign(keep));
    must(store.update_campaign(drop));
    std::string shared_prompt;
    std::vector<std::string> kept;
    for (const CampaignRow* campaign : {&keep, &drop}) {
        for (int step = 0; step < 40; ++step) {
            ReplyRow reply = random.reply(campaign->id, step, 0);
            CandidateRow candidate = candidate_of(random, "t");
            for (int i = 0; i < 300; ++i) {
                candidate.source += random.hash();  // does not compress well
            }
            reply.parent_hash = "";
            if (step == 0) {
                reply.prompt_hash = shared_prompt =
                    shared_prompt.empty() ? reply.prompt_hash : shared_prompt;
            }
            must(store.put_reply(reply));
            must(store.put_candidate(candidate));
            EvaluationRow row;
            row.campaign_id = campaign->id;
            row.step = step;
            row.candidate_hash = candidate.hash;
            CHECK(must(store.put_evaluation(row, *campaign)));
            if (campaign == &keep) {
                kept.push_back(candidate.hash);
            }
        }
    }
    must(store.remove_campaign("drop"));
    CHECK_FALSE(must(store.campaign("drop")));
    CHECK(must(store.evaluations(drop.id)).empty());
    CHECK(must(store.replies(drop.id)).empty());

    const auto found = must(store.gc(false));
    CHECK(found.blobs == 39 + 40);  // the prompt of step 0 is shared
    CHECK(found.bytes > 40 * 5000);
    CHECK(must(store.gc(false)).blobs == found.blobs);
    const auto before = fs::file_size(dir / "k.db") + fs::file_size(dir / "k.db-wal");
    const auto removed = must(store.gc(true));
    CHECK(removed.blobs == found.blobs);
    CHECK(removed.bytes == found.bytes);
    CHECK(must(store.gc(false)).blobs == 0);
    const auto after = fs::file_size(dir / "k.db") + fs::file_size(dir / "k.db-wal");
    CHECK(after + static_cast<std::uintmax_t>(removed.bytes) / 2 < before);
    for (const std::string& hash : kept) {
        CHECK(store.candidate(hash).ok());
    }
    CHECK(must(store.replies(keep.id)).size() == 40);
    CHECK(must(store.integrity()) == "ok");
}

TEST_CASE("gc: a candidate that a campaign may still judge or build on is kept", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    RandomRows random(3);
    CampaignRow campaign = campaign_of(store, "c", "t");
    const CandidateRow waiting = candidate_of(random, "t");
    const CandidateRow parent = candidate_of(random, "t");
    const CandidateRow reply_parent = candidate_of(random, "t");
    const CandidateRow stray = candidate_of(random, "another task");
    for (const CandidateRow* row : {&waiting, &parent, &reply_parent, &stray}) {
        must(store.put_candidate(*row));
    }
    ReplyRow reply = random.reply(campaign.id, 0, 0);
    reply.parent_hash = reply_parent.hash;
    must(store.put_reply(reply));
    EvaluationRow row;
    row.campaign_id = campaign.id;
    row.parent_hash = parent.hash;
    CHECK(must(store.put_evaluation(row, campaign)));

    for (const char* state : {"planned", "running", "interrupted"}) {
        campaign.state = state;
        must(store.update_campaign(campaign));
        INFO(state);
        CHECK(must(store.gc(false)).blobs == 1);  // the stray
    }
    CHECK(must(store.gc(true)).blobs == 1);
    CHECK(store.candidate(waiting.hash).ok());
    CHECK_FALSE(store.candidate(stray.hash).ok());
    campaign.state = "finished";
    must(store.update_campaign(campaign));
    CHECK(must(store.gc(true)).blobs == 1);  // now the one that nobody judged
    CHECK_FALSE(store.candidate(waiting.hash).ok());
    CHECK(store.candidate(parent.hash).ok());
    CHECK(store.candidate(reply_parent.hash).ok());
}

TEST_CASE("gc: removing a campaign that is not there is a usage error", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const auto result = store.remove_campaign("ghost");
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::usage);
}
