// SPDX-License-Identifier: Apache-2.0
// The winner's curse: what would be the best is judged twice, and the second judging decides.
#include "agent/campaign/promotion.hpp"

#include "agent/campaign/campaign.hpp"
#include "core/task_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <algorithm>

using namespace kw;
using namespace kw::agent;
using kw::test::accepted;
using kw::test::contains;
using kw::test::failed;
using kw::test::kernel;
using kw::test::must;
using kw::test::World;

namespace {

/// Gives these results in turn, the last one for ever.
struct Script {
    std::vector<Evaluation> results;
    std::size_t next = 0;
    Result<Evaluation> operator()(const std::string&) {
        return results[std::min(next++, results.size() - 1)];
    }
};

/// A tune campaign: one candidate a step, the seed first.
struct Tuned {
    Tuned(std::vector<Evaluation> first, std::vector<Evaluation> second)
        : world(Script{std::move(first)})
        , task(must(load_task(test::write_task(world.dir.path())))) {
        world.device.again = Script{std::move(second)};
        settings.proposer = "tune";
        settings.gamma = 0.5;
    }
    CampaignSummary run(int evaluations) {
        settings.budget.max_evals = evaluations;
        auto context = world.context();
        return must(run_campaign(settings, task, context));
    }
    std::vector<EvaluationRow> rows() { return must(world.store.evaluations(1)); }
    std::vector<EvaluationRow> judgings() { return must(world.store.judgings(1)); }
    std::vector<BoardRow> board(bool all = false) {
        BoardFilter filter;
        filter.all = all;
        return must(world.store.board(filter));
    }

    World world;
    Task task;
    CampaignSettings settings;
};

}  // namespace

TEST_CASE("promotion: a lucky timing does not become the best and earns what it is worth") {
    Tuned tuned({accepted(1), accepted(3)}, {accepted(0.8), accepted(1)});
    const CampaignSummary summary = tuned.run(2);
    CHECK(summary.evaluations == 2);  // the second judgings are none of the budget's
    CHECK(tuned.world.device.judged.size() == 2);
    CHECK(tuned.world.device.judged_again.size() == 2);
    const auto rows = tuned.rows();
    CHECK(summary.best_candidate == rows[0].candidate_hash);
    CHECK(summary.best_speedup.value == 1);
    CHECK(rows[0].new_best);
    CHECK_FALSE(rows[1].new_best);
    CHECK(rows[1].result.speedup.value == 3);  // the first judging is kept
    CHECK(rows[1].reward == 0.8);
    CHECK(rows[0].best_discounted == Approx(1 / 0.5));
    CHECK(rows[1].best_discounted == Approx(2 / 0.5));  // of the seed's 1, never of the lucky 3
    const auto judgings = tuned.judgings();
    REQUIRE(judgings.size() == 2);
    CHECK(judgings[1].reproduces == rows[1].id);
    CHECK(judgings[1].purpose == "promotion");
    CHECK(judgings[1].result.speedup.value == 0.8);
    CHECK(judgings[1].task_hash == tuned.task.hash);
    const auto board = tuned.board(true);
    REQUIRE(board.size() == 2);
    CHECK(board[0].speedup.value == 1);
    CHECK(board[1].speedup.value == 0.8);
    CHECK(tuned.world.events.count(EventType::promoted) == 2);
    CHECK(tuned.world.events.count(EventType::best) == 1);
    CHECK(contains(tuned.world.events.all_text(), "after 3.00x [2.97, 3.03]: not the best"));
}

TEST_CASE("promotion: a best that holds is shown by its second timing") {
    Tuned tuned({accepted(1), accepted(3)}, {accepted(2.5)});
    const CampaignSummary summary = tuned.run(2);
    CHECK(tuned.world.device.judged_again.size() == 1);  // the start source was never chosen
    CHECK(summary.best_speedup.value == 2.5);
    CHECK(tuned.board().at(0).speedup.value == 2.5);
    CHECK(tuned.rows()[1].new_best);
    CHECK(tuned.rows()[1].reward == 2.5);
}

TEST_CASE("promotion: only what lies above the best by its lower end is judged again") {
    Tuned tuned(
        {accepted(2), accepted(2.05, 0.05), accepted(8, 0.8), accepted(1.9)}, {accepted(2)});
    const CampaignSummary summary = tuned.run(4);
    CHECK(tuned.world.device.judged_again.size() == 1);  // the seed, when it stayed the best
    CHECK(summary.best_candidate == tuned.rows()[0].candidate_hash);
    CHECK(tuned.board().at(0).candidate_hash == summary.best_candidate);
}

TEST_CASE("promotion: a disturbed timing is measured again before it counts") {
    Evaluation busy = accepted(5, 0.4);
    busy.findings.push_back({"busy-machine", "warning", "time", "30 %"});
    CHECK(is_disturbed(busy));
    CHECK(is_disturbed(accepted(5, 0.13)));
    CHECK_FALSE(is_disturbed(accepted(5, 0.12)));
    Tuned tuned({accepted(2), busy}, {accepted(1.9), accepted(2)});
    const CampaignSummary summary = tuned.run(2);
    CHECK(tuned.world.device.judged_again.size() == 2);
    CHECK(summary.best_speedup.value == 2);
    CHECK(contains(promotion_text(accepted(2), busy, true), "the new best (a disturbed timing)"));
}

TEST_CASE("promotion: the board does not show what was chosen before it was judged twice") {
    Tuned tuned({accepted(1), accepted(3)}, {});
    std::vector<double> shown;
    tuned.world.device.again = [&](const std::string&) -> Result<Evaluation> {
        shown.push_back(tuned.board().at(0).speedup.value);
        return accepted(2);
    };
    CHECK(tuned.run(2).best_speedup.value == 2);
    CHECK(shown == std::vector<double>{1});
}

TEST_CASE("promotion: a start source that falls gives its place to what it kept down") {
    Tuned tuned(
        {accepted(3), accepted(2), accepted(1)}, {accepted(0.5), accepted(1.8), accepted(9)});
    const CampaignSummary summary = tuned.run(3);
    CHECK(tuned.world.device.judged_again.size() == 2);
    const auto rows = tuned.rows();
    CHECK(summary.best_candidate == rows[1].candidate_hash);
    CHECK(summary.best_speedup.value == 1.8);
    CHECK(rows[1].new_best);
    CHECK(tuned.board().at(0).candidate_hash == rows[1].candidate_hash);
    // The state of the search that is stored is that of the judgings that count.
    CHECK(rows[0].best_discounted == Approx(0.5 / 0.5));
    CHECK(rows[1].best_discounted == Approx(1.8 / 0.5));
    CHECK(rows[2].best_discounted == Approx(1.8 / 0.25));
    CHECK(tuned.world.events.count(EventType::best) == 1);
}

TEST_CASE("promotion: what fails the second judging is rejected for the search and the board") {
    for (const Verdict verdict : {Verdict::wrong_result, Verdict::internal}) {
        Tuned tuned({accepted(1), accepted(3), accepted(0.5)}, {});
        tuned.world.device.again = [&](const std::string& source) -> Result<Evaluation> {
            return source == test::k_tuned_seed ? accepted(1) : failed(verdict);
        };
        const CampaignSummary summary = tuned.run(3);
        CHECK(summary.evaluations == 3);
        CHECK(summary.best_speedup.value == 1);
        CHECK(tuned.rows()[1].reward == 0);
        CHECK(tuned.board(true).size() == 2);
    }
}

TEST_CASE("promotion: its time is the campaign's") {
    Tuned tuned({accepted(1), accepted(2), accepted(3), accepted(4)}, {});
    int calls = 0;
    tuned.world.device.again = [&](const std::string&) -> Result<Evaluation> {
        tuned.world.clock.advance(std::chrono::seconds(10));
        return accepted(++calls + 1);
    };
    tuned.settings.budget.max_seconds = 15;
    const CampaignSummary summary = tuned.run(0);
    CHECK(summary.stop_reason == "budget: time");
    CHECK(summary.evaluations == 3);
}

TEST_CASE("promotion: a resumed campaign whose best fell verifies the next one first") {
    Tuned tuned(
        {accepted(1), accepted(3), accepted(2, 0.3), accepted(0.5)}, {accepted(3), accepted(1.8)});
    tuned.run(3);
    const EvaluationRow best = tuned.rows()[1];
    EvaluationRow fallen = later_judging(best, "reverify", best.task_hash);
    fallen.result = accepted(0.9);
    must(tuned.world.store.put_judging(fallen, db::Earlier::stale));
    auto context = tuned.world.context();
    const CampaignSummary same = must(resume_campaign("twice", nullptr, context));
    CHECK(same.evaluations == 3);
    CHECK(tuned.world.device.judged_again.size() == 2);
    CHECK(same.best_candidate == tuned.rows()[2].candidate_hash);
    CHECK(same.best_speedup.value == 1.8);
    CHECK(tuned.board().at(0).candidate_hash == same.best_candidate);
}

TEST_CASE("promotion: rows that contradict each other are the database's error") {
    Tuned tuned({accepted(1), accepted(3)}, {accepted(3)});
    tuned.run(2);
    for (const EvaluationRow& row : {tuned.rows()[1], tuned.judgings()[0]}) {
        const char* state = row.reproduces == 0 ? "judged" : "stale";
        must(tuned.world.store.set_evaluation_state(row.id, state));
    }
    auto context = tuned.world.context();
    const auto resumed = resume_campaign("twice", nullptr, context);
    REQUIRE_FALSE(resumed.ok());
    CHECK(resumed.error().code == Errc::database);
    CHECK(contains(resumed.error().hint, "dev rejudge --campaign twice"));
}

TEST_CASE("promotion: the judging that counts is the newest one that was not withdrawn") {
    EvaluationRow first;
    first.id = 1;
    const auto later = [](std::int64_t id, const std::string& state, std::int64_t of = 1) {
        EvaluationRow row;
        row.id = id;
        row.state = state;
        row.reproduces = of;
        return row;
    };
    const auto counted = [&](const std::string& state, const std::vector<EvaluationRow>& rows) {
        first.state = state;
        const EvaluationRow* row = counted_judging(first, rows);
        return row == nullptr ? 0 : row->id;
    };
    CHECK(counted("judged", {}) == 1);
    CHECK(counted("unverified", {}) == 1);
    CHECK(counted("revoked", {}) == 0);
    CHECK(counted("unverified", {later(2, "judged"), later(3, "judged"), later(4, "stale")}) == 3);
    CHECK(counted("judged", {later(2, "judged", 9)}) == 1);
    CHECK(counted("unverified", {later(2, "revoked")}) == 0);
}

TEST_CASE("promotion: times of another machine or of a model do not count, a rejection does") {
    EvaluationRow first;
    first.id = 1;
    first.state = "judged";
    first.result = accepted(2);
    first.result.device = "here";
    EvaluationRow own = first;
    own.id = 2;
    own.reproduces = 1;
    own.purpose = "reverify";
    EvaluationRow elsewhere = own;
    elsewhere.id = 3;
    elsewhere.result.device = "elsewhere";
    EvaluationRow modelled = own;
    modelled.id = 4;
    modelled.result.timing_kind = "modelled";
    CHECK(counted_judging(first, {elsewhere, modelled})->id == 1);
    CHECK(counted_judging(first, {own, elsewhere, modelled})->id == 2);
    first.state = "stale";  // dev rejudge elsewhere
    CHECK(counted_judging(first, {elsewhere})->id == 3);
    CHECK(counted_judging(first, {own, elsewhere})->id == 2);
    first.state = "judged";
    elsewhere.result.verdict = Verdict::race;
    CHECK(counted_judging(first, {own, elsewhere, modelled})->id == 3);
    modelled.purpose = "promotion";
    CHECK(counted_judging(first, {own, modelled})->id == 4);
}

TEST_CASE("promotion: a submission that would lead is judged twice as well") {
    World world([](const std::string& source) -> Result<Evaluation> {
        Evaluation result = accepted(contains(source, "lucky") ? 5 : 2);
        result.shapes.resize(1);
        return result;
    });
    world.device.again = [](const std::string& source) -> Result<Evaluation> {
        Evaluation result = accepted(contains(source, "lucky") ? 1 : 2);
        result.shapes.resize(1);
        return result;
    };
    const Task task = must(load_task(test::write_task(world.dir.path())));
    auto context = world.context();
    const auto submit = [&](const std::string& tag) {
        return must(submit_candidate(task, make_candidate("twice", kernel(tag)), context, {}));
    };
    CHECK(submit("steady").result.speedup.value == 2);
    CHECK(submit("lucky").result.speedup.value == 1);
    CHECK(submit("equal").purpose == "search");
    CHECK(world.device.judged_again.size() == 2);
    CHECK(must(world.store.campaign("user-twice"))->evaluations == 3);
    std::string stored;
    for (const EvaluationRow& row : must(world.store.evaluations(1))) {
        stored += row.state + (row.new_best ? "=best " : " ");
    }
    CHECK(stored == "unverified=best unverified judged ");  // the lucky one fell behind
    const auto board = must(world.store.board({}));
    REQUIRE(board.size() == 1);
    CHECK(board[0].candidate_hash == make_candidate("twice", kernel("steady")).hash);
    Task changed = task;
    changed.hash = changed.cpu_hash = std::string(64, 'c');
    const Candidate other = make_candidate("twice", kernel("other"));
    CHECK(must(submit_candidate(changed, other, context, {})).task_hash == changed.hash);
}
