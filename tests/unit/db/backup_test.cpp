// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/db/fixture.hpp"
#include "tests/unit/db/process.hpp"

#include <atomic>
#include <thread>

using namespace kw;
using namespace kw::test;

TEST_CASE("backup: the copy holds every row and stands alone", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow campaign = campaign_of(store, "c", "t");
    for (int step = 0; step < 20; ++step) {
        CHECK(must(store.put_evaluation(RandomRows(5).row(campaign.id, step, 0), campaign)));
    }
    must(store.backup(dir / "copy.db"));
    CHECK_FALSE(fs::exists(dir / "copy.db-wal"));
    CHECK_FALSE(fs::exists(dir / "copy.db-journal"));
    fs::create_directory(dir / "elsewhere");
    fs::rename(dir / "copy.db", dir / "elsewhere/copy.db");
    db::Store copy = open_store(dir / "elsewhere/copy.db", db::Access::read_only);
    const auto rows = must(copy.evaluations(campaign.id));
    REQUIRE(rows.size() == 20);
    CHECK(differences(rows[7], must(store.evaluations(campaign.id)).at(7)) == "");
    CHECK(must(copy.integrity()) == "ok");
    open_store(dir / "elsewhere/copy.db");  // and can be written on
}

TEST_CASE("backup: copies made while a thread writes are whole", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const CampaignRow first = campaign_of(store, "c", "t");
    std::atomic<bool> stop{false};
    std::atomic<int> written{0};
    std::atomic<bool> failed{false};
    std::thread writer([&] {
        CampaignRow campaign = first;
        for (int step = 0; !stop; ++step) {
            EvaluationRow row = RandomRows(6).row(campaign.id, step, 0);
            row.result.shapes.assign(2, RandomRows(7).shape());
            row.result.stages.assign(3, StageTime{"build", 1});
            campaign.evaluations = step + 1;
            const auto stored = store.put_evaluation(row, campaign);
            if (!stored.ok() || !stored.value()) {
                failed = true;
                return;
            }
            ++written;
        }
    });
    std::vector<int> seen;
    for (int i = 0; i < 8; ++i) {
        const int before = written;
        while (written < before + 5 && !failed) {
            std::this_thread::yield();
        }
        const fs::path to = dir / ("copy" + std::to_string(i) + ".db");
        const int at_least = written;
        const auto done = store.backup(to);
        const int at_most = written + 1;
        CHECK(done.ok());
        db::Store copy = open_store(to, db::Access::read_only);
        const auto rows = must(copy.evaluations(first.id));
        CHECK(static_cast<int>(rows.size()) >= at_least);
        CHECK(static_cast<int>(rows.size()) <= at_most);
        CHECK(must(copy.campaign("c"))->evaluations == static_cast<int>(rows.size()));
        for (const EvaluationRow& row : rows) {
            CHECK(row.result.shapes.size() == 2);
            CHECK(row.result.stages.size() == 3);
        }
        CHECK(must(copy.integrity()) == "ok");
    }
    stop = true;
    writer.join();
    CHECK_FALSE(failed);
}

TEST_CASE("backup: a viewer can make one beside the writer of another process", "[db]") {
    const TempDir dir;
    Child writer([&](int ready) {
        auto store = db::Store::open(dir / "k.db", db::Access::write);
        CampaignRow row;
        row.name = "c";
        say(ready, store.ok() && store->create_campaign(row).ok() ? 'y' : 'n');
        wait_for_ever();
    });
    REQUIRE(writer.hear() == 'y');
    must(open_store(dir / "k.db", db::Access::read_only).backup(dir / "copy.db"));
    CHECK(must(open_store(dir / "copy.db", db::Access::read_only).campaigns()).size() == 1);
}

TEST_CASE("backup: an existing file is never overwritten", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    std::ofstream(dir / "precious") << "data";
    fs::create_symlink("nowhere", dir / "link");
    for (const fs::path& to : {dir / "precious", dir / "k.db", dir / "link", dir.path()}) {
        INFO(to);
        const auto result = store.backup(to);
        REQUIRE_FALSE(result.ok());
        CHECK(result.error().code == Errc::usage);
    }
    CHECK(bytes_of(dir / "precious") == "data");
    CHECK(must(store.integrity()) == "ok");
}

TEST_CASE("backup: one that fails leaves nothing behind", "[db]") {
    const TempDir dir;
    db::Store store = open_store(dir / "k.db");
    const auto result = store.backup(dir / "no/such/folder/copy.db");
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::database);
    for (const auto& entry : fs::directory_iterator(dir.path())) {
        CHECK_FALSE(contains(entry.path().string(), "partial"));
    }
}
