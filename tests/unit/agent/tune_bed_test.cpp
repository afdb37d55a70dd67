// SPDX-License-Identifier: Apache-2.0
#include "agent/ablate/tune_bed.hpp"

#include "agent/ablate/ablation.hpp"
#include "agent/ablate/bed_file.hpp"
#include "agent/ablate/bed_run.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"
#include "tests/unit/agent/search_fakes.hpp"

#include <set>
#include <string>

using namespace kw;
using namespace kw::agent;
using kw::test::must;
using kw::test::presets_folder;
using kw::test::shipped_strategy;

namespace {

/// 4 x 4 points; the speed-up of (a, b) is 1 + a + b / 10; (0, 3) is wrong.
TuneTables small() {
    std::string text =
        "timing = \"measured\"\n[[space]]\ntask = \"t\"\ndevice = \"cpu: here\"\n"
        "recorded = \"2026-11-29\"\njudge_seconds = 2.5\nparams = [\"A 1 2 4 8\", \"B 0 1 2 3\"]\n"
        "require = [\"A + B <= 100\"]\nstart = \"0 0\"\npoints = [\n";
    for (int a = 0; a < 4; ++a) {
        for (int b = 0; b < 4; ++b) {
            const std::string speedup = std::to_string(1 + a) + "." + std::to_string(b);
            text += "\"" + std::to_string(a) + " " + std::to_string(b) +
                    (a == 0 && b == 3 ? " WA\",\n"
                                      : " AC " + speedup + " " + speedup + " " + speedup + "\",\n");
        }
    }
    return must(parse_tune_tables(text + "]\n", "small.toml"));
}

BedRun run(
    const Bed& bed, const std::string& arm, std::uint64_t seed, double calls, int width = 1) {
    const Arm parsed = must(parse_arm(arm, presets_folder()));
    const auto strategy = shipped_strategy(parsed.strategy, {width, 8});
    return run_on_bed(bed, *strategy, parsed, seed, 0.95, {{calls, 0, 0, 0}, 500});
}

}  // namespace

TEST_CASE("tune table: text and tables are the same both ways") {
    const TuneTables tables = small();
    REQUIRE(tables.tables.size() == 1);
    CHECK(tables.tables[0].results.size() == 16);
    CHECK(tables.tables[0].results.at({0, 3}).verdict == Verdict::wrong_result);
    CHECK(tables.tables[0].results.at({3, 2}).speedup == Ratio{4.2, 4.2, 4.2});
    const std::string text = tune_tables_text(tables, {"remark"});
    const TuneTables again = must(parse_tune_tables(text, "again.toml"));
    CHECK(again.tables[0].results == tables.tables[0].results);
    CHECK(again.tables[0].judge_seconds == 2.5);
    CHECK(tune_tables_text(again, {"remark"}) == text);
}

TEST_CASE("tune table: the shipped ones are whole and say how they were got") {
    const TuneTables shipped = must(parse_tune_tables(std::string(shipped_tune_table()), "tune"));
    CHECK(shipped.timing == "modelled");
    for (const TuneTable& table : shipped.tables) {
        INFO(table.task);
        CHECK(
            static_cast<std::int64_t>(table.results.size()) ==
            count_points(table.space, 1'000'000));
        CHECK(table.device.starts_with("emulated:"));
    }
}

TEST_CASE("tune table: hostile text is an error with its place") {
    const std::string good = tune_tables_text(small(), {});
    const auto broken = [&](const std::string& from, const std::string& to) {
        std::string text = good;
        const std::size_t at = text.find(from);
        REQUIRE(at != std::string::npos);
        const auto result = parse_tune_tables(text.replace(at, from.size(), to), "x.toml");
        INFO(to);
        REQUIRE_FALSE(result.ok());
        CHECK(result.error().code == Errc::config);
        CHECK(result.error().what.starts_with("x.toml:"));
    };
    broken("\"0 0 AC", "\"0 9 AC");
    broken("\"0 0 AC", "\"0 -1 AC");
    broken("\"0 0 AC", "\"0 99999999999999999999 AC");
    broken("\"0 1 AC", "\"0 0 AC");
    broken("\"0 0 AC 1", "\"0 0 AC inf");
    broken("\"0 0 AC 1", "\"0 0 AC -1");
    broken("\"0 0 AC 1", "\"0 0 ZZ 1");
    broken("\"0 3 WA\"", "\"0 3 WA 1 1 1\"");
    broken("start = \"0 0\"", "start = \"4 0\"");
    broken("start = \"0 0\"", "start = \"\"");
    broken("\"measured\"", "\"guessed\"");
    broken("\"A 1 2 4 8\"", "\"A\"");
    broken("A + B <= 100", "A + ");
    CHECK_FALSE(parse_tune_tables("timing = \"measured\"\n", "x.toml").ok());
}

TEST_CASE("tune bed: a child of a shown parent differs from it in one parameter") {
    const auto bed = make_tune_bed(small(), 0, false);
    for (std::uint64_t seed = 1; seed <= 40; ++seed) {
        const auto landscape = bed->landscape(seed, must(parse_arm("chain", presets_folder())));
        (void)landscape->start();
        const Shown shown{true, true, false, true, false};
        const auto trial = landscape->propose({{0, "0.0"}, "1.0", 1, 1}, shown);
        REQUIRE(trial.has_value());
        // Of (A=1 B=0) only one of the two moves.
        const bool a_stays = kw::test::contains(trial->note, "A=1 ");
        const bool b_stays = kw::test::contains(trial->note, "B=0");
        CHECK(a_stays != b_stays);
    }
}

TEST_CASE(
    "tune bed: with its trajectory a search never repeats a point and ends when all are known") {
    const auto bed = make_tune_bed(small(), 0, false);
    for (const std::string arm : {"maxcode:-critique", "chain:+trajectory", "tune"}) {
        INFO(arm);
        const BedRun all = run(*bed, arm, 3, 100);
        CHECK(all.steps.size() == 15);
        CHECK(all.steps.back().speedup == 4.3);
    }
}

TEST_CASE("tune bed: without a trajectory points are repeated and cost a call but no judgement") {
    const auto bed = make_tune_bed(small(), 0, false);
    const BedRun blind = run(*bed, "best-of-n", 3, 100);
    CHECK(blind.steps.size() == 100);
    double judged = 0;
    for (const BedStep& step : blind.steps) {
        judged += step.accepted ? 1 : 0;
    }
    CHECK(judged <= 15);
    CHECK(blind.steps.back().spent.calls == 100);
    CHECK(blind.steps.back().spent.seconds <= 15 * 2.5);
}

TEST_CASE("tune bed: a perfect critic climbs straight and one of quality 0 changes nothing") {
    const auto perfect = make_tune_bed(small(), 1, false);
    CHECK(run(*perfect, "chain:+critique", 1, 2).steps.back().speedup == 4.3);
    const auto useless = make_tune_bed(small(), 0, false);
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        const BedRun with = run(*useless, "maxcode", seed, 12, 4);
        const BedRun without = run(*useless, "maxcode:-critique", seed, 12, 4);
        for (std::size_t i = 0; i < with.steps.size(); ++i) {
            CHECK(with.steps[i].speedup == without.steps[i].speedup);
        }
    }
}

TEST_CASE("tune bed: runs take turns at the tables") {
    TuneTables two = small();
    two.tables.push_back(two.tables.front());
    for (auto& [point, result] : two.tables.back().results) {
        result.speedup.value *= 10;
    }
    const auto bed = make_tune_bed(two, 0, false);
    const Arm arm = must(parse_arm("tune", presets_folder()));
    CHECK(bed->landscape(2, arm)->start().speedup == 1);
    CHECK(bed->landscape(3, arm)->start().speedup == 10);
}

TEST_CASE("tune bed: only calls and seconds are compared where nothing costs money") {
    const auto bed = make_tune_bed(small(), 0, true);
    AblationPlan plan;
    plan.presets = presets_folder();
    plan.arms = {
        must(parse_arm("maxcode", presets_folder())),
        must(parse_arm("best-of-n", presets_folder()))};
    plan.runs = 20;
    plan.calls = 10;
    const AblationResult result = must(ablate(*bed, plan));
    REQUIRE(result.arms[0].units.size() == 2);
    CHECK(result.arms[0].units[1].unit == CostUnit::seconds);
    CHECK(result.arms[0].evaluations == 8);  // a critique a wave
}
