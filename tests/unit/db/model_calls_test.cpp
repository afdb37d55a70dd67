// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/db/fixture.hpp"

using namespace kw;
using namespace kw::test;

TEST_CASE("model calls: reservations come back to the bit, with ids in their order", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = must(store.create_campaign(RandomRows(1).campaign("c")));
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        RandomRows random(seed);
        std::vector<ModelCallRow> wanted;
        for (int slot = 0; slot < 3; ++slot) {
            wanted.push_back(random.call(campaign.id, static_cast<int>(seed), slot));
        }
        const auto ids = must(store.reserve_calls(wanted));
        REQUIRE(ids.size() == 3);
        const auto rows = must(store.model_calls(campaign.id));
        REQUIRE(rows.size() == 3 * (seed + 1));
        for (std::size_t i = 0; i < 3; ++i) {
            wanted[i].id = ids[i];
            CHECK(differences(rows[rows.size() - 3 + i], wanted[i]) == "");
        }
    }
}

TEST_CASE("model calls: a call ends once and its reply comes with it", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = must(store.create_campaign(RandomRows(1).campaign("c")));
    RandomRows random(7);
    ModelCallRow call = random.call(campaign.id, 1, 0);
    call.id = must(store.reserve_calls({call})).front();
    const ReplyRow reply = random.reply(campaign.id, 1, 0);
    call.state = "settled";
    must(store.end_call(call, &reply));
    CHECK(differences(must(store.model_calls(campaign.id)).front(), call) == "");
    CHECK(differences(must(store.replies(campaign.id)).front(), reply) == "");
    ModelCallRow other = random.call(campaign.id, 1, 0);
    other.id = call.id;
    other.state = "lost";
    must(store.end_call(other, nullptr));
    CHECK(differences(must(store.model_calls(campaign.id)).front(), call) == "");
}

TEST_CASE("model calls: what is in flight when its process dies is lost", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = must(store.create_campaign(RandomRows(1).campaign("c")));
    const CampaignRow other = must(store.create_campaign(RandomRows(2).campaign("d")));
    RandomRows random(8);
    const auto ids = must(store.reserve_calls(
        {random.call(campaign.id, 1, 0),
         random.call(campaign.id, 1, 1),
         random.call(other.id, 1, 0)}));
    ModelCallRow done = random.call(campaign.id, 1, 1);
    done.id = ids[1];
    done.state = "settled";
    must(store.end_call(done, nullptr));
    CHECK(must(store.lose_open_calls(campaign.id, 99)) == 1);
    const auto rows = must(store.model_calls(campaign.id));
    CHECK(rows[0].state == "lost");
    CHECK(rows[0].ended_ms == 99);
    CHECK(rows[1].state == "settled");
    CHECK(must(store.model_calls(other.id)).front().state == "reserved");
    CHECK(must(store.lose_open_calls(campaign.id, 100)) == 0);
}

TEST_CASE("model calls: they go with their campaign and unknown states are refused", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = must(store.create_campaign(RandomRows(1).campaign("c")));
    ModelCallRow call = RandomRows(3).call(campaign.id, 1, 0);
    call.state = "free";
    CHECK_FALSE(store.reserve_calls({call}).ok());
    call.state = "reserved";
    must(store.reserve_calls({call}));
    must(store.remove_campaign("c"));
    CHECK(must(store.model_calls(campaign.id)).empty());
    CHECK(must(store.integrity()) == "ok");
    call.campaign_id = 77;
    CHECK_FALSE(store.reserve_calls({call}).ok());
}
