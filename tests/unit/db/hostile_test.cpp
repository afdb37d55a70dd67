// SPDX-License-Identifier: Apache-2.0
// A database from somebody else: every value may be a lie. Nothing may crash, hang, run, or take
// memory without bound.
#include "db/pack.hpp"
#include "tests/unit/db/fixture.hpp"

#include <zstd.h>

using namespace kw;
using namespace kw::test;

namespace {

/// One row of everything, then `sql` as the attacker; the file stays otherwise sound.
struct Attacked {
    TempDir dir;
    std::string hash;

    explicit Attacked(const std::string& sql) {
        {
            db::Store store = open_store(dir / "k.db");
            RandomRows random(55);
            const CampaignRow campaign = campaign_of(store, "c", "t");
            CandidateRow candidate = random.candidate();
            candidate.task = "t";
            hash = candidate.hash;
            must(store.put_candidate(candidate));
            must(store.put_reply(random.reply(campaign.id, 0, 0)));
            EvaluationRow row;
            row.campaign_id = campaign.id;
            row.candidate_hash = candidate.hash;
            row.result.verdict = Verdict::accepted;
            row.result.speedup = {2, 1, 3};
            row.result.shapes.assign(1, random.shape());
            row.result.cases.assign(1, random.outcome());
            row.result.findings.assign(1, Finding{"r", "info", "scan", "e"});
            CHECK(must(store.put_evaluation(row, campaign)));
        }
        Outsider raw(dir / "k.db");
        raw.exec("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON");
        raw.exec(sql);
    }
    db::Store open() { return open_store(dir / "k.db", db::Access::read_only); }
};

template <class T>
void check_refused(const Result<T>& result, const std::string& part) {
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::database);
    INFO(result.error().what);
    CHECK(contains(result.error().what, part));
    for (const char c : result.error().what) {
        CHECK((c >= 0x20 && c < 0x7f));
    }
}

std::string hex(const std::string& bytes) {
    std::string out = "x'";
    for (const char c : bytes) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(c));
        out += digits;
    }
    return out + "'";
}

std::string bomb() {
    const std::string zeros(std::size_t{100} << 20, '\0');
    std::string packed(ZSTD_compressBound(zeros.size()), '\0');
    packed.resize(ZSTD_compress(packed.data(), packed.size(), zeros.data(), zeros.size(), 3));
    return packed;
}

}  // namespace

TEST_CASE("hostile: words that are none of ours are errors that quote them safely", "[db]") {
    const auto evaluations = [](const std::string& sql, const std::string& part) {
        INFO(sql);
        Attacked file(sql);
        db::Store store = file.open();
        check_refused(store.evaluations(1), part);
    };
    evaluations("UPDATE evaluation SET verdict = 'ZZ'", "no verdict is called 'ZZ'");
    evaluations(
        "UPDATE evaluation SET verdict = char(27) || '[31m'", "no verdict is called '?[31m'");
    evaluations("UPDATE evaluation SET verdict = ''", "no verdict is called ''");
    evaluations("UPDATE evaluation SET comparison = 'best'", "no comparison is called");
    evaluations("UPDATE evaluation SET state = 'done'", "no state is called");
    evaluations("UPDATE evaluation SET step = 4294967296", "out of range");
    evaluations("UPDATE evaluation SET build_instruction_classes = '[1,2]'", "not an object");
    evaluations("UPDATE evaluation SET odd_doubles = '0:3ff0000000000000'", "does not fit");
    evaluations("UPDATE evaluation SET odd_doubles = '99999:8000000000000000'", "does not fit");
    evaluations("UPDATE evaluation SET odd_doubles = 'x'", "does not fit");
    evaluations(
        "UPDATE evaluation SET reward = 1, odd_doubles = '0:7ff8000000000000'", "does not fit");
    evaluations("UPDATE shape_timing SET dims = '{\"N\":1e400}'", "dims");
    evaluations("UPDATE shape_timing SET comparison = 'x'", "no comparison is called");
    evaluations("UPDATE shape_timing SET samples = x''", "unknown version");
    evaluations("UPDATE case_outcome SET verdict = 'AC '", "no verdict is called");
    Attacked file("UPDATE campaign SET state = 'gone'");
    db::Store store = file.open();
    check_refused(store.campaigns(), "no state is called");
    check_refused(store.campaign("c"), "no state is called");
}

TEST_CASE("hostile: a zip bomb is refused by size in every packed column", "[db]") {
    const std::string packed = hex(bomb());
    Attacked file(
        "UPDATE candidate SET source = " + packed + "; UPDATE reply SET raw = " + packed +
        "; UPDATE shape_timing SET samples = " + hex("\x01" + bomb()));
    db::Store store = file.open();
    check_refused(store.candidate(file.hash), "unpacks to more than");
    check_refused(store.replies(1), "unpacks to more than");
    check_refused(store.reply_at(1, 0, 0), "unpacks to more than");
    check_refused(store.evaluations(1), "unpacks to more than");
    check_refused(store.evaluations_of(file.hash), "unpacks to more than");
    CHECK(must(store.board({})).size() == 1);
}

TEST_CASE("hostile: a prompt that does not unpack is an error", "[db]") {
    Attacked file("UPDATE prompt SET text = x'00112233'");
    db::Store store = file.open();
    check_refused(store.replies(1), "not a sized zstd frame");
}

TEST_CASE("hostile: a missing table or column is damage and not a crash", "[db]") {
    for (const char* sql :
         {"DROP TABLE shape_timing",
          "DROP TABLE candidate",
          "ALTER TABLE evaluation RENAME COLUMN verdict TO verdikt",
          "DROP TABLE evaluation",
          "DROP TABLE campaign"}) {
        INFO(sql);
        Attacked file(sql);
        db::Store store = file.open();
        const bool all_fine = store.evaluations(1).ok() && store.board({}).ok() &&
                              store.campaigns().ok() && store.candidate(file.hash).ok();
        CHECK_FALSE(all_fine);
        const auto integrity = store.integrity();
        CHECK((integrity.ok() || integrity.error().code == Errc::database));
    }
}

TEST_CASE("hostile: a view or trigger of the file never runs", "[db]") {
    // The view would never end; the trigger would revoke what is stored.
    {
        Attacked file(
            "DROP TABLE device; CREATE VIEW device AS WITH RECURSIVE n(i) AS "
            "(SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i AS hash, i AS calibration FROM n");
        db::Store store = file.open();
        check_refused(store.device("0"), "is damaged");
    }
    Attacked file(
        "CREATE TRIGGER evil AFTER INSERT ON evaluation BEGIN "
        "UPDATE evaluation SET state = 'revoked'; END");
    db::Store store = open_store(file.dir / "k.db");
    const CampaignRow campaign = *must(store.campaign("c"));
    EvaluationRow row;
    row.campaign_id = campaign.id;
    row.slot = 9;
    CHECK(must(store.put_evaluation(row, campaign)));
    for (const EvaluationRow& stored : must(store.evaluations(campaign.id))) {
        CHECK(stored.state == "judged");
    }
}

TEST_CASE("hostile: parts without their evaluation are told by the integrity check", "[db]") {
    Attacked file(
        "INSERT INTO finding (evaluation_id, ordinal, rule, severity, phase, evidence) "
        "VALUES (4711, 0, 'r', 's', 'p', 'e'); DELETE FROM campaign");
    db::Store store = file.open();
    CHECK(must(store.evaluations(1)).size() == 1);
    const std::string problems = must(store.integrity());
    CHECK(problems != "ok");
    CHECK(contains(problems, "finding"));
    CHECK(contains(problems, "evaluation"));
}

TEST_CASE("hostile: random values in random columns never crash a reader", "[db]") {
    // Tables without STRICT and without checks, as an attacker would make them.
    RandomRows random(2024);
    for (int i = 0; i < 40; ++i) {
        Attacked file("SELECT 1");
        {
            Outsider raw(file.dir / "k.db");
            raw.exec("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON");
            static const char* const k_tables[] = {
                "campaign", "candidate", "reply", "evaluation", "shape_timing", "case_outcome"};
            const std::string table = k_tables[random.below(std::size(k_tables))];
            raw.exec("CREATE TABLE loose AS SELECT * FROM " + table);
            raw.exec("DROP TABLE " + table);
            raw.exec("ALTER TABLE loose RENAME TO " + table);
            const int columns =
                std::stoi(raw.text("SELECT count(*) FROM pragma_table_info('" + table + "')"));
            for (int n = 0; n < 3; ++n) {
                const std::string column = raw.text(
                    "SELECT name FROM pragma_table_info('" + table + "') WHERE cid = " +
                    std::to_string(random.below(static_cast<std::uint64_t>(columns))));
                static const char* const k_values[] = {
                    "NULL",
                    "x'ff00fe'",
                    "''",
                    "9223372036854775807",
                    "-1",
                    "1e999",
                    "'\xff\xfe'",
                    "zeroblob(100000)",
                    "'{}'"};
                std::string set = "UPDATE " + table;
                set.append(" SET ").append(column).append(" = ").append(
                    k_values[random.below(std::size(k_values))]);
                raw.exec(set);
            }
        }
        db::Store store = file.open();
        for (const bool fine :
             {store.campaigns().ok(),
              store.evaluations(1).ok(),
              store.evaluations_of(file.hash).ok(),
              store.replies(1).ok(),
              store.board({}).ok(),
              store.candidate(file.hash).ok(),
              store.gc(false).ok(),
              store.integrity().ok()}) {
            (void)fine;  // an answer or an Error: both are fine, a crash is not
        }
        CHECK(store.schema_version() >= 1);
    }
}
