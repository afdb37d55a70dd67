// SPDX-License-Identifier: Apache-2.0
#include "db/migrations.hpp"

#include "core/hash.hpp"
#include "tests/unit/db/fixture.hpp"
#include "tests/unit/db/process.hpp"

#include <algorithm>

using namespace kw;
using namespace kw::test;

namespace {

db::Connection connect(const fs::path& file) {
    return must(db::Connection::open(file, file.string(), db::OpenMode::write, 0));
}

}  // namespace

TEST_CASE("migrations: they are numbered from 1 without gaps", "[db]") {
    int next = 1;
    for (const db::Migration& step : db::migrations()) {
        CHECK(step.version == next++);
        CHECK(step.name.size() > 4);
        CHECK_FALSE(step.sql.empty());
    }
    CHECK(db::newest_schema() == next - 1);
}

TEST_CASE("migrations: a released one never changes", "[db]") {
    // One line a migration. Never edit a line: add a migration instead.
    const std::vector<std::string> released = {
        "bb77cc48b21405273d1d3b9bb29a9f17a98fed333ad002e154cf855bddde1338",
        "c8cabf776863a678bcef7f532eaa26b6a7961a3be0ce872a1395c152afd79eba",
        "6e37f1dc8981aee102ac0068548db02a61f8597050eec2ca3abfa9b6b22589f3",
        "bebeaf25eb437413ed09c6d3afb855031628bc7d3aa6eccb5f05fa127c2536a6",
        "ed5075852236b3f430c758ad02e2953c43d8e978af4453382dec5b4840657d01",
        "2f3a1445eb7ed763275cff3258838bcfcb50fe14ae8c0f67603c1f2a27eac51b",
        "393ba63c9747f65627975d0ea80af4982209981b71ca02ea84bebec5de4f6be1",
        "a02a8b95ffcd117d1060acc62b90d5a77b3161486a0a38c56d80df002ec37b85",
        "f125f6db85db8ff4fd432b2312402e41a9ff2c95711ca6dee5e11273dc783471",
    };
    REQUIRE(db::migrations().size() == released.size());
    for (std::size_t i = 0; i < released.size(); ++i) {
        INFO(db::migrations()[i].name);
        CHECK(sha256_hex(db::migrations()[i].sql) == released[i]);
    }
}

TEST_CASE("migrations: steps go on from where the file is", "[db]") {
    const TempDir dir;
    std::vector<db::Migration> steps = db::migrations();
    {
        db::Connection connection = connect(dir / "k.db");
        must(db::migrate(connection, steps));
    }
    Outsider(dir / "k.db")
        .exec("INSERT INTO device (hash, calibration) VALUES ('d', 'kept through the migration')");
    const int first_new = db::newest_schema() + 1;
    steps.push_back({first_new, "a", "CREATE TABLE a (x); INSERT INTO a VALUES (1)"});
    steps.push_back({first_new + 1, "b", "ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x + 1"});
    for (int again = 0; again < 2; ++again) {
        db::Connection connection = connect(dir / "k.db");
        must(db::migrate(connection, steps));
        CHECK(must(db::schema_version(connection)) == first_new + 1);
    }
    Outsider raw(dir / "k.db");
    CHECK(raw.text("SELECT y FROM a") == "2");
    CHECK(raw.text("SELECT count(*) FROM schema_note") == std::to_string(first_new + 1));
    CHECK(raw.text("SELECT calibration FROM device") == "kept through the migration");
}

TEST_CASE("migrations: a step that fails leaves the file as it was", "[db]") {
    const TempDir dir;
    std::vector<db::Migration> steps = db::migrations();
    const int last = db::newest_schema();
    {
        db::Connection connection = connect(dir / "k.db");
        must(db::migrate(connection, steps));
        steps.push_back({last + 1, "whole", "CREATE TABLE whole (x)"});
        steps.push_back(
            {last + 2, "half", "CREATE TABLE half (x); INSERT INTO nowhere VALUES (1)"});
        CHECK_FALSE(db::migrate(connection, steps).ok());
        CHECK(must(db::schema_version(connection)) == last);
    }
    Outsider raw(dir / "k.db");
    CHECK(raw.text("SELECT count(*) FROM sqlite_schema WHERE name IN ('whole', 'half')") == "0");
}

TEST_CASE("migrations: a death in the middle leaves a whole number of steps", "[db]") {
    std::vector<db::Migration> steps = db::migrations();
    for (int i = 0; i < 150; ++i) {
        const int version = db::newest_schema() + 1 + i;
        steps.push_back({version, "step", "CREATE TABLE step_" + std::to_string(version) + " (x)"});
    }
    RandomRows random(static_cast<std::uint64_t>(getpid()));
    INFO("seed " << getpid());
    int in_the_middle = 0;
    for (int round = 0; round < 20; ++round) {
        const TempDir dir;
        const fs::path file = dir / "k.db";
        {
            Child child([&](int pipe) {
                auto connection =
                    db::Connection::open(file, file.string(), db::OpenMode::write, 1000);
                say(pipe, connection.ok() ? 'y' : 'n');
                // Step by step, so that the parent knows that it began.
                for (std::size_t n = 1; n <= steps.size(); ++n) {
                    const auto done = db::migrate(
                        *connection,
                        {steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(n)});
                    say(pipe, done.ok() ? 'y' : 'n');
                }
                wait_for_ever();
            });
            for (std::uint64_t told = 2 + random.below(100); told > 0; --told) {
                REQUIRE(child.hear() == 'y');
            }
            volatile std::uint64_t spin = random.below(300'000);
            while (spin > 0) {
                spin = spin - 1;
            }
        }
        Outsider raw(file);
        const std::string version = raw.text("PRAGMA user_version");
        in_the_middle += std::stoi(version) < steps.back().version ? 1 : 0;
        CHECK(raw.text("SELECT max(version) FROM schema_note") == version);
        CHECK(raw.text("SELECT count(*) FROM schema_note") == version);
        // Those of ours come before the steps.
        CHECK(
            raw.text("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'step_%'") ==
            std::to_string(std::max(0, std::stoi(version) - db::newest_schema())));
        db::Connection connection = connect(file);
        must(db::migrate(connection, steps));
    }
    CHECK(in_the_middle > 10);
}

TEST_CASE("migrations: none goes backwards", "[db]") {
    const TempDir dir;
    db::Connection connection = connect(dir / "k.db");
    must(db::migrate(connection, db::migrations()));
    must(connection.exec("a test", "PRAGMA user_version = 50"));
    const auto result = db::migrate(connection, db::migrations());
    REQUIRE_FALSE(result.ok());
    CHECK(contains(result.error().what, "has schema 50"));
}

TEST_CASE(
    "migrations: a file of schema 1 is read as it is and gains devices when written", "[db]") {
    const TempDir dir;
    const fs::path file = dir / "old.db";
    {
        db::Connection connection = connect(file);
        must(db::migrate(connection, {db::migrations().front()}));
    }
    // The writer knows the mark of our files.
    Outsider(file).exec(
        "PRAGMA application_id = " + std::to_string(db::k_application_id) +
        ";INSERT INTO meta (key, value) VALUES ('kwright_version', '0.1.0')"
        " ON CONFLICT (key) DO NOTHING;"
        "INSERT INTO campaign VALUES (1, 'old', 'gemv', NULL, 'cpu', 'tune', 'tune', '{}',"
        " 'finished', '', 1, 2, 1, 0.0, 0, 0, NULL);"
        "INSERT INTO candidate VALUES ('abcd', 'gemv', 'cpu', 'native', x'', 't', 'tune', 3, 7);"
        "INSERT INTO evaluation VALUES (1, 1, 1, 0, 'abcd', NULL, NULL, 'judged', '', 2.0, 2.0, 1,"
        " 4, 'AC', 's', '', 2.0, 1.9, 2.1, 2.0, 1.9, 2.1, 1.5, 0.5, 'faster', 'kw-time/1',"
        " 'measured', 'cpu: old', 'd', 'p', 'c', 's', 1.0, 'g++', 'g++', 0, 0.1, '', 1, 0, '{}',"
        " 'a', NULL);"
        "INSERT INTO reply (campaign_id, step, slot, hash, raw, model, tokens_in, tokens_out, usd,"
        " seconds, created_ms) VALUES (1, 1, 0, 'h', x'', 'openai:m', 7, 5, 0.25, 1.0, 4),"
        " (1, 2, 0, 'h2', x'', 'tune', 0, 0, 0.0, 1.0, 4);"
        "INSERT INTO stage_time VALUES (1, 0, 'build', 12.5, NULL)");
    const auto look = [&](db::Store& store) {
        const auto campaign = must(store.campaign("old"));
        REQUIRE(campaign);
        CHECK(campaign->target == "cpu");
        CHECK(campaign->device == "cpu");
        CHECK(campaign->strategy == "tune");
        CHECK(must(store.campaigns()).size() == 1);
        const auto rows = must(store.evaluations(1));
        REQUIRE(rows.size() == 1);
        CHECK(rows[0].result.build.resources.empty());
        CHECK(rows[0].result.build.artifact_sha256 == "a");
        REQUIRE(rows[0].result.stages.size() == 1);  // the parts outlive the table they refer to
        CHECK(rows[0].result.stages[0].ms == 12.5);
        CHECK(rows[0].purpose == "search");
        CHECK(rows[0].reproduces == 0);
        CHECK(must(store.judgings(1)).empty());
        BoardFilter filter;
        filter.device = "cpu";
        const auto board = must(store.board(filter));
        REQUIRE(board.size() == 1);
        CHECK(board[0].device_id == "cpu");
        CHECK(board[0].timing_kind == "measured");
        filter.device = "emulated";
        CHECK(must(store.board(filter)).empty());
    };
    {
        db::Store viewer = open_store(file, db::Access::read_only);
        CHECK(viewer.schema_version() == 1);
        look(viewer);
        CHECK(must(viewer.model_calls(1)).empty());
    }
    db::Store writer = open_store(file);
    CHECK(writer.schema_version() == db::newest_schema());
    look(writer);
    CHECK(must(writer.integrity()) == "ok");
    const auto calls = must(writer.model_calls(1));  // what was paid stays paid
    REQUIRE(calls.size() == 1);
    CHECK(calls[0].state == "settled");
    CHECK(calls[0].model == "openai:m");
    CHECK(calls[0].tokens_in == 7);
    CHECK(calls[0].usd == 0.25);
    // Foreign keys are on again.
    EvaluationRow orphan;
    orphan.campaign_id = 1;
    orphan.step = 9;
    orphan.candidate_hash = "nobody";
    CHECK_FALSE(writer.put_evaluation(orphan, *must(writer.campaign("old"))).ok());
}
