// SPDX-License-Identifier: Apache-2.0
// Whose file it is, who may write, and what stands in the way.
#include "tests/unit/db/fixture.hpp"
#include "tests/unit/db/process.hpp"

using namespace kw;
using namespace kw::test;
using db::Access;

namespace {

Error refused(const fs::path& file, Access access, const db::OpenOptions& options = {}) {
    auto result = db::Store::open(file, access, options);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::database);
    CHECK_FALSE(result.error().hint.empty());
    return result.error();
}

void make_store(const fs::path& file) {
    db::Store store = open_store(file);
    campaign_of(store, "c", "t");
}

std::set<std::string> names_in(const fs::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) {
        names.insert(entry.path().filename().string());
    }
    return names;
}

}  // namespace

TEST_CASE("open: a new file is a marked kwright database of the newest schema", "[db]") {
    const TempDir dir;
    const db::Store store = open_store(dir / "k.db");
    CHECK(store.file() == dir / "k.db");
    Outsider raw(dir / "k.db");
    CHECK(raw.text("PRAGMA application_id") == std::to_string(0x4b575249));
    CHECK(raw.text("PRAGMA user_version") == std::to_string(store.schema_version()));
    CHECK(raw.text("PRAGMA journal_mode") == "wal");
    CHECK(raw.text("PRAGMA auto_vacuum") == "2");
    CHECK(raw.text("SELECT value FROM meta WHERE key = 'kwright_version'") != "");
    CHECK(raw.text("SELECT name FROM schema_note WHERE version = 1") == "001_initial");
}

TEST_CASE("open: a second writer in this process is told the pid", "[db]") {
    const TempDir dir;
    {
        const db::Store store = open_store(dir / "k.db");
        const Error error = refused(dir / "k.db", Access::write);
        CHECK(contains(error.what, "another kwright is writing to " + (dir / "k.db").string()));
        CHECK(contains(error.what, "(pid " + std::to_string(getpid()) + ")"));
        // The same file by another name.
        fs::create_symlink(dir / "k.db", dir / "link.db");
        CHECK(contains(refused(dir / "link.db", Access::write).what, "another kwright"));
    }
    open_store(dir / "k.db");
}

TEST_CASE("open: a second writer in another process is told the pid until the first dies", "[db]") {
    const TempDir dir;
    Child child([&](int ready) {
        const auto store = db::Store::open(dir / "k.db", Access::write);
        say(ready, store.ok() ? 'y' : 'n');
        wait_for_ever();
    });
    REQUIRE(child.hear() == 'y');
    const Error error = refused(dir / "k.db", Access::write);
    CHECK(contains(error.what, "(pid " + std::to_string(child.pid()) + ")"));
    open_store(dir / "k.db", Access::read_only);
    child.kill_now();
    open_store(dir / "k.db");
}

TEST_CASE("open: a running campaign reads as interrupted once its process is dead", "[db]") {
    const TempDir dir;
    Child child([&](int ready) {
        auto store = db::Store::open(dir / "k.db", Access::write);
        CampaignRow row = named("c");
        row.state = "running";
        const bool made = store.ok() && store->create_campaign(row).ok();
        say(ready, made ? 'y' : 'n');
        wait_for_ever();
    });
    REQUIRE(child.hear() == 'y');
    db::Store viewer = open_store(dir / "k.db", Access::read_only);
    CHECK(must(viewer.campaign("c"))->state == "running");
    CHECK(must(viewer.campaigns()).front().state == "running");
    child.kill_now();
    CHECK(must(viewer.campaign("c"))->state == "interrupted");
    CHECK(must(viewer.campaigns()).front().state == "interrupted");
    // Asking must not have dropped or taken the lock.
    db::Store writer = open_store(dir / "k.db");
    CHECK(must(viewer.campaign("c"))->state == "running");
    refused(dir / "k.db", Access::write);
}

TEST_CASE("open: a child made by fork does not keep the lock of a dead writer", "[db]") {
    const TempDir dir;
    Child child([&](int ready) {
        const auto store = db::Store::open(dir / "k.db", Access::write);
        const pid_t grandchild = fork();
        if (grandchild == 0) {
            wait_for_ever();
        }
        say(ready, store.ok() ? 'y' : 'n');
        write_all(ready, &grandchild, sizeof grandchild);
        wait_for_ever();
    });
    REQUIRE(child.hear() == 'y');
    const auto grandchild = child.hear_value<pid_t>();
    child.kill_now();
    CHECK(kill(grandchild, 0) == 0);
    open_store(dir / "k.db");
    kill(grandchild, SIGKILL);
}

TEST_CASE("open: readers come and go beside a writer and see each commit", "[db]") {
    const TempDir dir;
    db::Store writer = open_store(dir / "k.db");
    db::Store reader = open_store(dir / "k.db", Access::read_only);
    db::Store second = open_store(dir / "k.db", Access::read_only);
    for (int i = 1; i <= 20; ++i) {
        campaign_of(writer, "c", "t");
        CHECK(must(reader.campaigns()).size() == static_cast<std::size_t>(i));
        CHECK(must(second.campaigns()).size() == static_cast<std::size_t>(i));
    }
}

TEST_CASE("open: a reader that holds a snapshot does not hold up the writer", "[db]") {
    const TempDir dir;
    db::OpenOptions impatient;
    impatient.busy_timeout = std::chrono::milliseconds(0);
    db::Store writer = open_store(dir / "k.db", Access::write, impatient);
    campaign_of(writer, "c", "t");
    Outsider reader(dir / "k.db");
    reader.exec("BEGIN");
    CHECK(reader.text("SELECT count(*) FROM campaign") == "1");
    campaign_of(writer, "c", "t");
    CHECK(reader.text("SELECT count(*) FROM campaign") == "1");
    reader.exec("COMMIT");
    CHECK(reader.text("SELECT count(*) FROM campaign") == "2");
}

TEST_CASE("open: a read-only store writes nothing", "[db]") {
    const TempDir dir;
    make_store(dir / "k.db");
    const std::string before = bytes_of(dir / "k.db");
    {
        db::Store store = open_store(dir / "k.db", Access::read_only);
        CampaignRow row;
        row.name = "x";
        const auto created = store.create_campaign(row);
        REQUIRE_FALSE(created.ok());
        CHECK(contains(created.error().what, "open for reading only"));
        CHECK_FALSE(store.update_campaign(row).ok());
        CHECK_FALSE(store.put_reply({}).ok());
        CHECK_FALSE(store.put_candidate({}).ok());
        CHECK_FALSE(store.put_evaluation({}, {}).ok());
        CHECK_FALSE(store.set_evaluation_state(1, "stale").ok());
        CHECK_FALSE(store.put_device("a", "b").ok());
        CHECK_FALSE(store.remove_campaign("c").ok());
        CHECK_FALSE(store.gc(true).ok());
        CHECK(store.gc(false).ok());
    }
    CHECK(bytes_of(dir / "k.db") == before);
}

TEST_CASE("open: a missing file is made by a writer and told by a reader", "[db]") {
    const TempDir dir;
    const Error error = refused(dir / "k.db", Access::read_only);
    CHECK(contains(error.what, "there is no " + (dir / "k.db").string()));
    CHECK(contains(error.hint, "run a campaign first"));
    CHECK(names_in(dir.path()).empty());
    CHECK(contains(refused(dir / "no/such/k.db", Access::write).what, "there is no folder"));
    CHECK(contains(refused("", Access::write).what, "is not a path"));
    CHECK(contains(refused(dir.path(), Access::write).what, "is not a regular file"));
    CHECK(contains(refused(dir.path(), Access::read_only).what, "is not a regular file"));
}

TEST_CASE("open: a file of another kind is refused and left as it was", "[db]") {
    const TempDir dir;
    const fs::path file = dir / "x.db";
    for (const Access access : {Access::write, Access::read_only}) {
        const bool reading = access == Access::read_only;
        INFO((reading ? "reading" : "writing"));
        std::ofstream(file) << "#include <stdio.h>\nint main(void) { return 0; }\n"
                            << std::string(2000, 'x');
        const std::string text = bytes_of(file);
        CHECK(contains(refused(file, access).what, "is not a database"));
        CHECK(bytes_of(file) == text);
        fs::remove(file);

        Outsider(file).exec("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
        const std::string foreign = bytes_of(file);
        CHECK(contains(refused(file, access).what, "is a SQLite database of another program"));
        CHECK(bytes_of(file) == foreign);
        fs::remove(file);

        std::ofstream(file).put('S');
        CHECK(contains(refused(file, access).what, "is not a database"));
        fs::remove(file);
    }
    CHECK(names_in(dir.path()).empty());
}

TEST_CASE("open: an empty file is a database not yet begun", "[db]") {
    const TempDir dir;
    std::ofstream(dir / "k.db").flush();
    CHECK(contains(refused(dir / "k.db", Access::read_only).what, "holds no campaign yet"));
    make_store(dir / "k.db");
    CHECK(must(open_store(dir / "k.db", Access::read_only).campaigns()).size() == 1);
}

TEST_CASE("open: a newer schema is refused and the hint names who wrote it", "[db]") {
    const TempDir dir;
    make_store(dir / "k.db");
    Outsider(dir / "k.db")
        .exec(
            "PRAGMA user_version = 900;"
            "UPDATE meta SET value = '7.3.1' WHERE key = 'kwright_version'");
    for (const Access access : {Access::write, Access::read_only}) {
        const Error error = refused(dir / "k.db", access);
        CHECK(contains(error.what, "has schema 900"));
        CHECK(contains(error.hint, "kwright 7.3.1"));
    }
    Outsider(dir / "k.db").exec("DROP TABLE meta");
    CHECK(contains(refused(dir / "k.db", Access::write).hint, "a newer version"));
    Outsider(dir / "k.db").exec("PRAGMA user_version = -5");
    CHECK(contains(refused(dir / "k.db", Access::write).what, "damaged"));
}

TEST_CASE("open: another program in the middle of a write is waited for and then told", "[db]") {
    const TempDir dir;
    db::OpenOptions impatient;
    impatient.busy_timeout = std::chrono::milliseconds(1);
    db::Store store = open_store(dir / "k.db", Access::write, impatient);
    Outsider browser(dir / "k.db");
    browser.exec("BEGIN IMMEDIATE; INSERT INTO meta VALUES ('a', 'b')");
    CampaignRow row;
    row.name = "c";
    const auto result = store.create_campaign(row);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::database);
    CHECK(contains(result.error().what, "is locked by another program"));
    CHECK(must(store.campaigns()).empty());
    browser.exec("ROLLBACK");
    must(store.create_campaign(row));
}

TEST_CASE("open: a folder that cannot be written is told to a writer", "[db]") {
    const TempDir dir;
    make_store(dir / "k.db");
    fs::permissions(dir.path(), fs::perms(0555));
    fs::permissions(dir / "k.db", fs::perms(0444));
    const std::string said = as_ordinary_user([&] {
        const auto fresh = db::Store::open(dir / "new.db", Access::write);
        const auto old = db::Store::open(dir / "k.db", Access::write);
        return (fresh.ok() ? "opened" : fresh.error().what) + "\n" +
               (old.ok() ? "opened" : old.error().what + "\n" + old.error().hint);
    });
    INFO(said);
    CHECK_FALSE(contains(said, "opened\n"));
    CHECK(contains(said, "new.db cannot be made in its folder: Permission denied"));
    CHECK(contains(said, "k.db cannot be written: Permission denied"));
    CHECK(contains(said, "--db FILE"));
}

TEST_CASE("open: a copy in a read-only folder can be read and gets no side file", "[db]") {
    const TempDir dir;
    // Characters that mean something in a URI.
    const fs::path folder = dir / "50% of #1?";
    fs::create_directory(folder);
    make_store(folder / "k.db");
    fs::remove(folder / "k.db-lock");
    REQUIRE(names_in(folder) == std::set<std::string>{"k.db"});
    fs::permissions(dir.path(), fs::perms(0755));
    fs::permissions(folder, fs::perms(0555));
    fs::permissions(folder / "k.db", fs::perms(0444));
    const std::string said = as_ordinary_user([&] {
        auto store = db::Store::open(folder / "k.db", Access::read_only);
        if (!store.ok()) {
            return store.error().what;
        }
        const auto campaigns = store->campaigns();
        return campaigns.ok() ? std::to_string(campaigns->size()) + " campaign"
                              : campaigns.error().what;
    });
    CHECK(said == "1 campaign");
    CHECK(names_in(folder) == std::set<std::string>{"k.db"});
}

TEST_CASE("open: a read-only copy with a log is an error and not old data", "[db]") {
    const TempDir dir;
    const fs::path folder = dir / "copy";
    fs::create_directory(folder);
    {
        db::Store store = open_store(dir / "k.db");
        campaign_of(store, "c", "t");
        fs::copy_file(dir / "k.db", folder / "k.db");
        fs::copy_file(dir / "k.db-wal", folder / "k.db-wal");
    }
    REQUIRE(fs::file_size(folder / "k.db-wal") > 0);
    fs::permissions(dir.path(), fs::perms(0755));
    fs::permissions(folder, fs::perms(0555));
    const std::string said = as_ordinary_user([&] {
        auto store = db::Store::open(folder / "k.db", Access::read_only);
        return store.ok() ? std::string("opened") : store.error().what + "\n" + store.error().hint;
    });
    CHECK(contains(said, "k.db-wal"));
    CHECK(contains(said, "copy both files"));
}

TEST_CASE("open: a viewer of a read-only folder notices that the file changed", "[db]") {
    const TempDir dir;
    make_store(dir / "k.db");
    fs::permissions(dir.path(), fs::perms(0755));
    const std::string said = with_ordinary_viewer(
        dir / "k.db",
        [](db::Store& viewer) {
            const auto rows = viewer.campaigns();
            return rows.ok() ? static_cast<int>(rows->size()) : -1;
        },
        [&] {
            db::Store writer = open_store(dir / "k.db");
            campaign_of(writer, "d", "t");
        });
    CHECK(said == "1 then 2");
}

TEST_CASE("open: a damaged file is an error and never a crash", "[db]") {
    const TempDir dir;
    {
        db::Store store = open_store(dir / "k.db");
        const CampaignRow campaign = campaign_of(store, "c", "t");
        for (int step = 0; step < 30; ++step) {
            CHECK(must(store.put_evaluation(RandomRows(5).row(campaign.id, step, 0), campaign)));
        }
    }
    const std::string good = bytes_of(dir / "k.db");
    RandomRows random(99);
    int noticed = 0;
    for (int i = 0; i < 60; ++i) {
        std::string bad = good;
        if (i % 4 == 0) {
            bad.resize(random.below(bad.size()));
        } else {
            // Whole stretches: what a torn write or a bad sector leaves.
            const std::size_t at = 100 + random.below(bad.size() - 700);
            for (std::size_t n = 0; n < 600; ++n) {
                bad[at + n] = static_cast<char>(random.below(256));
            }
        }
        const fs::path file = dir / "bad.db";
        fs::remove(file);
        std::ofstream(file, std::ios::binary) << bad;
        auto store = db::Store::open(file, Access::read_only);
        if (!store.ok()) {
            CHECK(store.error().code == Errc::database);
            ++noticed;
            continue;
        }
        const bool campaigns = store->campaigns().ok();
        const bool evaluations = store->evaluations(1).ok();
        const bool board = store->board({}).ok();
        const auto integrity = store->integrity();
        noticed +=
            !campaigns || !evaluations || !board || !integrity.ok() || integrity.value() != "ok"
                ? 1
                : 0;
    }
    CHECK(noticed > 30);
}
