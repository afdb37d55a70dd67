// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/db/fixture.hpp"

using namespace kw;
using namespace kw::test;

namespace {

std::string padded(std::string hash, char fill) {
    hash.resize(64, fill);
    return hash;
}

}  // namespace

TEST_CASE("store: campaigns come back to the bit", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        RandomRows random(seed);
        const CampaignRow wanted = random.campaign(std::to_string(seed) + ". campaign");
        const CampaignRow made = must(store.create_campaign(wanted));
        INFO("seed " << seed);
        CHECK(made.name == wanted.name);
        CampaignRow changed = random.campaign(wanted.name);
        changed.id = made.id;
        const auto before = must(store.campaign(wanted.name));
        REQUIRE(before);
        CHECK(differences(*before, wanted) == "");
        CHECK(before->id == made.id);
        must(store.update_campaign(changed));
        CHECK(differences(*must(store.campaign(wanted.name)), changed) == "");
    }
    CHECK(must(store.campaigns()).size() == 100);
    CHECK_FALSE(must(store.campaign("no such")));
}

TEST_CASE("store: a campaign name that is taken gets a number", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    CHECK(campaign_of(store, "demo", "t").name == "demo");
    CHECK(campaign_of(store, "demo", "t").name == "demo-2");
    CHECK(campaign_of(store, "demo", "t").name == "demo-3");
    CHECK(campaign_of(store, "demo-2", "t").name == "demo-2-2");
    CHECK(campaign_of(store, "", "gemv").name == "gemv");
    CHECK(
        campaign_of(store, "'; DROP TABLE campaign; --", "t").name == "'; DROP TABLE campaign; --");
    CHECK(must(store.campaigns()).size() == 6);
}

TEST_CASE("store: an update of a campaign that is not there is an error", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    CampaignRow row;
    row.id = 7;
    row.name = "ghost";
    const auto result = store.update_campaign(row);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::database);
    CHECK(contains(result.error().what, "has no campaign ghost"));
}

TEST_CASE("store: a state that is no word of ours is refused when written", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    CampaignRow row;
    row.name = "c";
    row.state = "dreaming";
    CHECK_FALSE(store.create_campaign(row).ok());
    CHECK(must(store.campaigns()).empty());
}

TEST_CASE("store: replies come back unedited and the first of a slot stays", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = campaign_of(store, "c", "t");
    std::vector<ReplyRow> written;
    RandomRows random(11);
    for (int step = 0; step < 10; ++step) {
        for (int slot = 0; slot < 4; ++slot) {
            written.push_back(random.reply(campaign.id, step, slot));
            must(store.put_reply(written.back()));
        }
    }
    must(store.put_reply(random.reply(campaign.id, 3, 2)));
    const auto read = must(store.replies(campaign.id));
    REQUIRE(read.size() == written.size());
    for (std::size_t i = 0; i < read.size(); ++i) {
        INFO("reply " << i);
        CHECK(differences(read[i], written[i]) == "");
    }
    const auto one = must(store.reply_at(campaign.id, 3, 2));
    REQUIRE(one);
    CHECK(differences(*one, written[3 * 4 + 2]) == "");
    CHECK_FALSE(must(store.reply_at(campaign.id, 3, 9)));
    CHECK(must(store.replies(campaign.id + 1)).empty());
}

TEST_CASE("store: a prompt is stored once for all replies to it", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = campaign_of(store, "c", "t");
    RandomRows random(12);
    ReplyRow row = random.reply(campaign.id, 0, 0);
    row.prompt = "the same prompt";
    for (row.slot = 0; row.slot < 5; ++row.slot) {
        must(store.put_reply(row));
    }
    CHECK(Outsider(dir / "k.db").text("SELECT count(*) FROM prompt") == "1");
    for (const ReplyRow& reply : must(store.replies(campaign.id))) {
        CHECK(reply.prompt == "the same prompt");
    }
}

TEST_CASE("store: a reply to a campaign that is not there is an error", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const auto result = store.put_reply(RandomRows(1).reply(99, 0, 0));
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::database);
}

TEST_CASE("store: candidates come back whole by any unique prefix", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    std::vector<CandidateRow> written;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        written.push_back(RandomRows(seed).candidate());
        must(store.put_candidate(written.back()));
        must(store.put_candidate(written.back()));
    }
    for (const CandidateRow& row : written) {
        CHECK(differences(must(store.candidate(row.hash)), row) == "");
        CHECK(differences(must(store.candidate(row.hash.substr(0, 12))), row) == "");
    }
    std::string upper = written[0].hash.substr(0, 12);
    for (char& c : upper) {
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    CHECK(must(store.candidate(upper)).hash == written[0].hash);
}

TEST_CASE("store: a prefix that is short or unknown or ambiguous is a usage error", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    CandidateRow row = RandomRows(5).candidate();
    row.hash = padded("abcd1", '0');
    must(store.put_candidate(row));
    row.hash = padded("abcd2", 'f');
    must(store.put_candidate(row));
    row.hash = std::string(64, 'f');
    must(store.put_candidate(row));

    const auto what = [&](const std::string& prefix) {
        const auto result = store.candidate(prefix);
        REQUIRE_FALSE(result.ok());
        CHECK(result.error().code == Errc::usage);
        return result.error().what;
    };
    CHECK(contains(what("abc"), "at least 4 hex digits"));
    CHECK(contains(what(""), "at least 4 hex digits"));
    CHECK(contains(what("abcd%"), "at least 4 hex digits"));
    CHECK(contains(what("' OR 1=1"), "at least 4 hex digits"));
    CHECK(contains(what("1234"), "none begins with 1234"));
    CHECK(contains(what("abcd"), "abcd1000000000"));
    CHECK(contains(what("abcd"), "abcd2fffffffff"));
    CHECK(must(store.candidate("ffff")).hash == row.hash);
    CHECK(must(store.candidate("abcd1")).hash == padded("abcd1", '0'));
}

TEST_CASE("store: a duplicate is found within its campaign by its tokens", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow mine = campaign_of(store, "a", "t");
    const CampaignRow other = campaign_of(store, "b", "t");
    CandidateRow candidate = RandomRows(3).candidate();
    must(store.put_candidate(candidate));
    CHECK_FALSE(must(store.find_duplicate(mine.id, candidate.token_hash)));

    EvaluationRow row;
    row.campaign_id = mine.id;
    row.candidate_hash = candidate.hash;
    row.result.verdict = Verdict::internal;
    CHECK(must(store.put_evaluation(row, mine)));
    CHECK_FALSE(must(store.find_duplicate(mine.id, candidate.token_hash)));  // never scored

    row.slot = 1;
    row.result.verdict = Verdict::wrong_result;
    CHECK(must(store.put_evaluation(row, mine)));
    CHECK(must(store.find_duplicate(mine.id, candidate.token_hash)) == candidate.hash);
    CHECK_FALSE(must(store.find_duplicate(other.id, candidate.token_hash)));
    CHECK_FALSE(must(store.find_duplicate(mine.id, candidate.hash)));
}

TEST_CASE("store: calibrations come back", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    must(store.put_device("d1", "{\"peak\":1}"));
    must(store.put_device("d1", "{\"peak\":2}"));
    CHECK(must(store.device("d1")) == "{\"peak\":2}");
    CHECK_FALSE(must(store.device("d2")));
}

TEST_CASE("store: everything is there after closing and opening again", "[db]") {
    const TempDir dir;
    RandomRows random(21);
    const CandidateRow candidate = random.candidate();
    EvaluationRow row;
    {
        db::Store store = open_store(dir / "k.db");
        const CampaignRow campaign = campaign_of(store, "c", "t");
        row = random.row(campaign.id, 0, 0);
        must(store.put_candidate(candidate));
        CHECK(must(store.put_evaluation(row, campaign)));
    }
    CHECK_FALSE(fs::exists(dir / "k.db-wal"));
    db::Store store = open_store(dir / "k.db");
    CHECK(must(store.campaign("c")));
    CHECK(differences(must(store.candidate(candidate.hash)), candidate) == "");
    CHECK(differences(must(store.evaluations(1)).at(0), row) == "");
    CHECK(must(store.integrity()) == "ok");
}
