// SPDX-License-Identifier: Apache-2.0
// The beds on which strategies are compared: what they hide, what a critic changes, what is equal
// between arms.
#include "agent/ablate/ablation.hpp"
#include "agent/ablate/bed_file.hpp"
#include "agent/ablate/bed_run.hpp"
#include "agent/ablate/sweep.hpp"
#include "agent/ablate/synthetic_bed.hpp"
#include "agent/ablate/tune_bed.hpp"
#include "agent/ablate/tune_table.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"
#include "tests/unit/agent/search_fakes.hpp"

#include <cmath>
#include <set>
#include <vector>

using namespace kw;
using namespace kw::agent;
using kw::test::must;
using kw::test::presets_folder;
using kw::test::shipped_strategy;

namespace {

/// A bed where nothing fails and nothing is noisy, unless a test says so.
SyntheticParams plain() {
    SyntheticParams params;
    params.first = {0, 0.5};
    params.hit = 0.6;
    params.next = {-1, 0.5};
    params.miss = {-0.1, 0.05};
    params.headroom = {2, 0.5};
    params.ideas = 4;
    params.ceiling_least = 0.5;
    params.jump = 0.1;
    params.repair = 0.5;
    params.task_tokens = 1000;
    params.source_tokens = 500;
    params.line_tokens = 10;
    params.critique_tokens = 200;
    params.usd_per_mtok_in = 1;
    params.usd_per_mtok_out = 10;
    params.tokens_per_second = 100;
    params.judge_seconds = 2;
    return params;
}

std::unique_ptr<Strategy> strategy(const std::string& name, int width = 4) {
    return shipped_strategy(name, {width, 8});
}

BedRun run(
    const Bed& bed, const std::string& arm, std::uint64_t seed, double calls = 24, int width = 4) {
    const Arm parsed = must(parse_arm(arm, presets_folder()));
    return run_on_bed(
        bed, *strategy(parsed.strategy, width), parsed, seed, 0.95, {{calls, 0, 0, 0}, 500});
}

std::vector<double> speedups(const BedRun& run) {
    std::vector<double> out;
    for (const BedStep& step : run.steps) {
        out.push_back(step.speedup);
    }
    return out;
}

AblationPlan plan_of(const std::vector<std::string>& arms, int runs = 200) {
    AblationPlan plan;
    plan.presets = presets_folder();
    for (const std::string& arm : arms) {
        plan.arms.push_back(must(parse_arm(arm, presets_folder())));
    }
    plan.runs = runs;
    return plan;
}

const UnitResult& calls_of(const ArmResult& arm) {
    return arm.units.front();
}

/// Accepted share of the attempts, over seeds.
double accepted_share(const Bed& bed, const std::string& arm, int width = 4) {
    double accepted = 0;
    double all = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        for (const BedStep& step : run(bed, arm, seed, 24, width).steps) {
            accepted += step.accepted ? 1 : 0;
            ++all;
        }
    }
    return accepted / all;
}

}  // namespace

TEST_CASE("arm: parts are put in and taken out of what a strategy shows") {
    CHECK(must(parse_arm("best-of-n", presets_folder())).shown == Shown{});
    const Arm arm = must(parse_arm("chain:+trajectory-best", presets_folder()));
    CHECK(arm.label == "chain:+trajectory-best");
    CHECK(arm.strategy == "chain");
    CHECK(arm.shown == Shown{true, true, true, false, false});
    CHECK_FALSE(must(parse_arm("maxcode:-critique", presets_folder())).shown.critique);
    for (const std::string bad : {"chain:trajectory", "chain:+", "chain:+critic", "chain:+best+"}) {
        INFO(bad);
        CHECK(parse_arm(bad, presets_folder()).error().code == Errc::usage);
    }
    CHECK(
        kw::test::contains(parse_arm("chain:+critiqe", presets_folder()).error().hint, "critique"));
}

TEST_CASE("arm: what is shown follows from the preset") {
    const auto shown = [](const std::string& name) {
        return must(parse_arm(name, presets_folder())).shown;
    };
    CHECK(shown("best-of-n") == Shown{false, false, false, false, false});
    CHECK(shown("tune") == Shown{false, false, true, false, false});
    CHECK(shown("chain") == Shown{true, true, false, true, false});
    CHECK(shown("fsr") == Shown{true, true, false, false, false});
    CHECK(shown("beam") == Shown{true, true, false, true, false});
    CHECK(shown("evolve") == Shown{true, true, false, true, false});
    CHECK(shown("maxcode") == Shown{true, true, true, true, true});
    CHECK(parse_arm("there-is-none", presets_folder()).error().code == Errc::usage);
}

TEST_CASE("bed: no two attempts of neighbouring runs share a draw") {
    std::set<std::uint64_t> seen;
    for (std::uint64_t run = 0; run < 20; ++run) {
        for (int number = 0; number < 40; ++number) {
            stats::Draws draws(seed_of_attempt(stats::Draws(run).next(), number));
            for (int draw = 0; draw < 10; ++draw) {
                seen.insert(draws.next());
            }
        }
    }
    CHECK(seen.size() == 20 * 40 * 10);
}

TEST_CASE("beds: an ask for another design is answered as one without a parent") {
    const auto tables = must(parse_tune_tables(std::string(shipped_tune_table()), "tune"));
    for (const bool tune : {false, true}) {
        const auto bed = tune ? make_tune_bed(tables, 1, false) : make_synthetic_bed(plain(), 1);
        const Arm arm = must(parse_arm("maxcode", presets_folder()));
        int differ = 0;
        for (std::uint64_t seed = 1; seed <= 50; ++seed) {
            const auto answer = [&](bool parent, Operator op) {
                const auto landscape = bed->landscape(seed, arm);
                (void)landscape->start();
                (void)landscape->propose({{0, "", Operator::improve, {}}, "1.0", 1, 1}, {});
                const Shown shown = {parent, parent, false, true, false};
                const auto trial = landscape->propose({{0, "1.0", op, {}}, "2.0", 2, 2}, shown);
                return trial ? trial->speedup : -1;
            };
            CHECK(answer(true, Operator::fresh) == answer(false, Operator::improve));
            differ += answer(true, Operator::fresh) != answer(true, Operator::improve) ? 1 : 0;
        }
        CHECK(differ > 25);
    }
}

TEST_CASE("synthetic bed: no kernel is above the roof and the start counts 1") {
    const auto bed = make_synthetic_bed(plain(), 1);
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        const BedRun one = run(*bed, "maxcode", seed);
        CHECK(one.start == 1);
        for (const BedStep& step : one.steps) {
            // mean + 6 sd of the headroom
            CHECK((step.speedup > 0 && step.speedup < std::exp(5)));
        }
    }
}

TEST_CASE("synthetic bed: a critic of quality 0 changes nothing draw by draw") {
    for (const std::string name : {"maxcode", "chain", "best-of-n"}) {
        SyntheticParams params = plain();
        params.wrong = 0.3;
        params.critique_tokens = 0;  // free of charge, so that both make the same calls
        const auto bed = make_synthetic_bed(params, 0);
        for (std::uint64_t seed = 1; seed <= 50; ++seed) {
            CHECK(
                speedups(run(*bed, name + ":+critique", seed)) ==
                speedups(run(*bed, name + ":-critique", seed)));
        }
    }
}

TEST_CASE("synthetic bed: a critic helps the more the better it is and best-of-n never") {
    SyntheticParams params = plain();
    params.critique_tokens = 0;
    double before = 0;
    for (const double quality : {0.0, 0.5, 1.0}) {
        const auto bed = make_synthetic_bed(params, quality);
        const AblationResult result =
            must(ablate(*bed, plan_of({"chain:+critique", "best-of-n", "best-of-n:+critique"})));
        CHECK(calls_of(result.arms[0]).speedup.value > before);
        before = calls_of(result.arms[0]).speedup.value;
        // It names what bounds the parent, and best-of-n shows none.
        CHECK(calls_of(result.arms[2]).speedup == calls_of(result.arms[1]).speedup);
    }
}

TEST_CASE("synthetic bed: what an ask does not show the proposer does not know") {
    SyntheticParams params = plain();
    params.ideas = 8;
    params.jump = 0;
    const auto bed = make_synthetic_bed(params, 1);
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        // Without a parent a search over parents is best-of-n, whatever it asks for.
        CHECK(
            speedups(run(*bed, "chain:-parent", seed, 24, 1)) ==
            speedups(run(*bed, "best-of-n", seed, 24, 1)));
    }
}

TEST_CASE("synthetic bed: a trajectory keeps first tries from repeating ideas") {
    SyntheticParams params = plain();
    params.ideas = 24;
    params.first = {3, 0};  // a first implementation reaches its ceiling
    const auto bed = make_synthetic_bed(params, 0);
    int wins = 0;
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        const double blind = run(*bed, "best-of-n", seed, 24, 1).steps.back().speedup;
        const double sees = run(*bed, "best-of-n:+trajectory", seed, 24, 1).steps.back().speedup;
        CHECK(sees >= blind * (1 - 1e-12));  // 24 of 24 ideas: the best one is among them
        wins += sees > blind * 1.001 ? 1 : 0;
    }
    CHECK(wins > 10);
}

TEST_CASE("synthetic bed: sampling gains nothing from luck that is the task's") {
    SyntheticParams params = plain();
    params.ideas = 1;
    params.first = {0, 1};
    params.first_shared = 1;
    const auto shared = make_synthetic_bed(params, 0);
    params.first_shared = 0;
    const auto own = make_synthetic_bed(params, 0);
    int gained = 0;
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        const BedRun same = run(*shared, "best-of-n", seed);
        CHECK(same.steps.back().speedup == Approx(same.steps.front().speedup));
        const BedRun differs = run(*own, "best-of-n", seed);
        gained += differs.steps.back().speedup > 1.1 * differs.steps.front().speedup ? 1 : 0;
    }
    CHECK(gained > 25);
}

TEST_CASE("synthetic bed: greedy search gets stuck in an idea unless it jumps") {
    SyntheticParams stuck = plain();
    stuck.jump = 0;
    stuck.ceiling_least = 0.2;
    SyntheticParams free = stuck;
    free.jump = 0.3;
    AblationPlan longer = plan_of({"chain"}, 60);
    longer.calls = 120;
    const double of_stuck =
        calls_of(must(ablate(*make_synthetic_bed(stuck, 0), longer)).arms[0]).speedup.value;
    const double of_free =
        calls_of(must(ablate(*make_synthetic_bed(free, 0), longer)).arms[0]).speedup.value;
    CHECK(of_free > 1.2 * of_stuck);
}

TEST_CASE("synthetic bed: failures come as often as they are asked for and repairs as they work") {
    SyntheticParams params = plain();
    params.no_reply = 0.05;
    params.compile_error = 0.15;
    params.wrong = 0.1;
    const auto bed = make_synthetic_bed(params, 0);
    CHECK(accepted_share(*bed, "best-of-n") == Approx(0.7).margin(0.03));
    // One proposal a step: a failure is the next parent, up to three times.
    params.repair = 1;
    const double repaired = accepted_share(*make_synthetic_bed(params, 0), "maxcode", 1);
    const double unseen = accepted_share(*make_synthetic_bed(params, 0), "maxcode:-failure", 1);
    params.repair = 0;
    const double lost = accepted_share(*make_synthetic_bed(params, 0), "maxcode", 1);
    CHECK(repaired > unseen + 0.02);
    CHECK(unseen > lost + 0.02);
}

TEST_CASE("synthetic bed: what the judge sees is noisy and what is delivered is the truth") {
    SyntheticParams params = plain();
    params.noise = 0.5;
    params.hit = 0;
    params.miss = {0, 0};
    params.first = {10, 0};  // every kernel of an idea is at its ceiling
    params.ideas = 1;
    params.ceiling_least = 1;
    params.headroom = {2, 0};
    const auto bed = make_synthetic_bed(params, 0);
    for (const BedStep& step : run(*bed, "best-of-n", 3).steps) {
        CHECK(step.speedup == Approx(std::exp(2)).epsilon(1e-3));
    }
}

TEST_CASE("bed run: a critique is charged once for every source that becomes a parent") {
    const auto bed = make_synthetic_bed(plain(), 0);
    const BedRun with = run(*bed, "maxcode", 5, 20);
    const BedRun without = run(*bed, "maxcode:-critique", 5, 20);
    // Four proposals and the critique of their parent.
    CHECK(with.steps[3].spent.calls == 5);
    CHECK(with.steps[7].spent.calls == 10);
    CHECK(without.steps[7].spent.calls == 8);
    const AskCost critique = bed->critique_cost();
    const AskCost told = bed->ask_cost(must(parse_arm("maxcode", presets_folder())).shown, 1);
    const AskCost plain_ask =
        bed->ask_cost(must(parse_arm("maxcode:-critique", presets_folder())).shown, 1);
    CHECK(told.tokens - plain_ask.tokens == 200);
    CHECK(
        with.steps[3].spent.tokens - without.steps[3].spent.tokens ==
        Approx(critique.tokens + 4 * 200));
}

TEST_CASE("bed run: calls of a wave overlap and judgements do not") {
    SyntheticParams params = plain();
    params.critique_tokens = 0;
    params.concurrent_calls = 4;
    const auto four = make_synthetic_bed(params, 0);
    // 500 tokens at 100 a second, then four judgements of 2 s.
    CHECK(run(*four, "maxcode", 1).steps[3].spent.seconds == Approx(5 + 4 * 2));
    params.concurrent_calls = 1;
    const auto one = make_synthetic_bed(params, 0);
    CHECK(run(*one, "maxcode", 1).steps[3].spent.seconds == Approx(4 * 5 + 2));
}

TEST_CASE("ablation: an arm against itself has ratio 1 and no width") {
    const auto bed = make_synthetic_bed(plain(), 0.5);
    const AblationResult result = must(ablate(*bed, plan_of({"chain", "chain"})));
    for (const UnitResult& unit : result.arms[1].units) {
        CHECK(unit.ratio == Ratio{1, 1, 1});
    }
}

TEST_CASE("ablation: the result does not depend on the number of threads") {
    const auto bed = make_synthetic_bed(plain(), 0.5);
    AblationPlan plan = plan_of({"maxcode", "chain"}, 60);
    const AblationResult one = must(ablate(*bed, plan));
    plan.threads = 3;
    const AblationResult three = must(ablate(*bed, plan));
    for (std::size_t arm = 0; arm < 2; ++arm) {
        REQUIRE(one.arms[arm].units.size() == three.arms[arm].units.size());
        for (std::size_t unit = 0; unit < one.arms[arm].units.size(); ++unit) {
            CHECK(one.arms[arm].units[unit].speedup == three.arms[arm].units[unit].speedup);
            CHECK(one.arms[arm].units[unit].ratio == three.arms[arm].units[unit].ratio);
        }
    }
}

TEST_CASE("ablation: nothing that was spent beyond a budget counts") {
    const auto bed = make_synthetic_bed(plain(), 0);
    AblationPlan plan = plan_of({"best-of-n", "maxcode"}, 50);
    plan.calls = 10;
    const AblationResult result = must(ablate(*bed, plan));
    CHECK(result.arms[0].evaluations == 10);
    CHECK(result.arms[1].evaluations == 8);  // and two critiques
    REQUIRE(result.arms[0].units.size() == k_cost_units.size());
    CHECK(result.arms[0].units[1].unit == CostUnit::tokens);
    // Source and task in, source out, ten times.
    CHECK(result.arms[0].units[1].budget == Approx(10 * 2000));
    CHECK(result.arms[1].units[2].budget == result.arms[0].units[2].budget);
}

TEST_CASE("ablation: development and held-out seeds are different tasks") {
    const auto bed = make_synthetic_bed(plain(), 0);
    AblationPlan plan = plan_of({"best-of-n"}, 50);
    const double development = calls_of(must(ablate(*bed, plan)).arms[0]).speedup.value;
    plan.seeds = SeedSet::held_out;
    CHECK(calls_of(must(ablate(*bed, plan)).arms[0]).speedup.value != development);
    CHECK(first_seed(SeedSet::held_out) - first_seed(SeedSet::development) > 1'000'000);
}

TEST_CASE("ablation: an unknown strategy is a usage error") {
    const auto bed = make_synthetic_bed(plain(), 0);
    AblationPlan plan = plan_of({"chain"});
    plan.arms.front().strategy = "chian";
    CHECK(ablate(*bed, plan).error().code == Errc::usage);
}

TEST_CASE(
    "sweep: every parameter changes something and a critic of quality 0 wins nowhere", "[slow]") {
    BedSetup setup;
    SyntheticParams params = plain();
    params.wrong = 0.2;
    params.noise = 0.02;
    setup.data = params;
    setup.quality = 0.3;
    AblationPlan plan = plan_of({"maxcode", "maxcode:-critique"}, 40);
    plan.options.width = 2;
    setup.critic = CriticKind::rules;
    for (const Sweep& sweep : all_sweeps()) {
        INFO(sweep.parameter);
        const auto points = must(run_sweep(sweep, setup, plan));
        REQUIRE(points.size() == sweep.values.size());
        std::set<double> seen;
        for (const SweepPoint& point : points) {
            seen.insert(calls_of(point.result.arms[0]).speedup.value);
        }
        CHECK(seen.size() > 1);
        if (sweep.parameter == "critique") {
            CHECK_FALSE(AblationResult::better(calls_of(points[0].result.arms[1]).ratio));
            CHECK(AblationResult::better(calls_of(points.back().result.arms[1]).ratio));
        }
    }
}

TEST_CASE("bed file: text and parameters are the same both ways") {
    SyntheticParams params = plain();
    params.noise = 0.1 + 0.2;  // no short decimal
    params.usd_per_mtok_in = 1e-7;
    const std::string text = bed_text(params, {"a remark", "another"});
    CHECK(must(parse_bed(text, "bed")) == params);
    CHECK(text.starts_with("# a remark\n# another\n"));
    CHECK(parse_bed(std::string(shipped_bed()), "shipped").ok());
}

TEST_CASE("bed file: mistakes name file and line") {
    const std::string good = bed_text(plain(), {});
    const auto with = [&](const std::string& from, const std::string& to) {
        std::string text = good;
        const std::size_t at = text.find(from);
        REQUIRE(at != std::string::npos);
        return text.replace(at, from.size(), to);
    };
    const auto error_of = [](const std::string& text) {
        const auto result = parse_bed(text, "bed.toml");
        REQUIRE_FALSE(result.ok());
        CHECK(result.error().code == Errc::config);
        CHECK(result.error().what.starts_with("bed.toml:"));
        return result.error().what + " " + result.error().hint;
    };
    CHECK(kw::test::contains(error_of(with("hit = ", "hitt = ")), "hit"));
    CHECK(kw::test::contains(error_of(with("hit = 0.6", "hit = 1.5")), "outside"));
    CHECK(kw::test::contains(error_of(with("ideas = 4", "ideas = 100000000")), "outside"));
    CHECK(kw::test::contains(error_of(with("hit = 0.6", "hit = nan")), "bed.toml"));
    CHECK(kw::test::contains(error_of(with("[miss]", "[mist]")), "miss"));
    error_of(with("[repair]\nworks = 0.5\n", ""));
    error_of(with("wrong = 0.0\n", "wrong = 0.7\nno_reply = 0.7\n"));
    std::string failures = with("wrong = 0.0", "wrong = 0.7");
    failures.replace(failures.find("no_reply = 0.0"), 14, "no_reply = 0.7");
    CHECK(kw::test::contains(error_of(failures), "more than 1"));
}
