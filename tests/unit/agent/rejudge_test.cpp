// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/rejudge.hpp"

#include "agent/campaign/campaign.hpp"
#include "agent/campaign/campaign_task.hpp"
#include "agent/campaign/drain.hpp"
#include "agent/campaign/promotion.hpp"
#include "core/task_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/fakes.hpp"

using namespace kw;
using namespace kw::agent;
using kw::test::accepted;
using kw::test::contains;
using kw::test::failed;
using kw::test::must;
using kw::test::World;

namespace {

namespace fs = std::filesystem;

/// A finished campaign of three kernels: 1x, 2x (promoted), 1x rejected.
struct Judged {
    Judged()
        : world([this](const std::string&) -> Result<Evaluation> {
            Evaluation result = calls == 2 ? failed(Verdict::wrong_result) : accepted(1 + calls);
            ++calls;
            return result;
        })
        , task(must(load_task(test::write_task(world.dir.path())))) {
        world.device.again = [this](const std::string&) -> Result<Evaluation> {
            return accepted(calls);
        };
        CampaignSettings settings;
        settings.proposer = "tune";
        settings.budget.max_evals = 3;
        auto context = world.context();
        REQUIRE(run_campaign(settings, task, context).ok());
        REQUIRE(board().at(0).speedup.value == 2);
    }
    std::vector<BoardRow> board() { return must(world.store.board({})); }
    /// Reverifies what the board shows; the device answers with `now`.
    Rejudgement reverify_with(const Evaluation& now) {
        return repeat(reverify, must(board_judgings(world.store, {})).at(0), now);
    }
    template <class Function>
    Rejudgement repeat(Function function, const StoredJudging& stored, const Evaluation& now) {
        world.device.again = [&](const std::string&) -> Result<Evaluation> {
            return now;
        };
        RejudgeContext context{world.device, world.store, world.clock, options, observer};
        return must(function(stored, task, context));
    }
    /// "unverified promotion=judged reverify=stale" of the kernel that was shown first.
    std::string states() {
        std::string text = must(world.store.evaluations(1)).at(1).state;
        for (const EvaluationRow& row : must(world.store.judgings(1))) {
            text += row.slot == 0 && row.step == 1 ? " " + row.purpose + "=" + row.state : "";
        }
        return text;
    }

    int calls = 0;
    World world;
    Task task;
    JudgeOptions options;
    StageObserver observer;
};

}  // namespace

TEST_CASE("reverify: overlapping or faster timings hold and nothing is withdrawn") {
    for (const double now : {1.97, 2.0, 3.0}) {
        Judged judged;
        const Rejudgement done = judged.reverify_with(accepted(now));
        CHECK(done.outcome == RejudgeOutcome::holds);
        CHECK(judged.states() == "unverified promotion=judged reverify=judged");
        CHECK(judged.board().at(0).speedup.value == now);
    }
}

TEST_CASE("reverify: a contradicted row is stale and gives its place away") {
    const std::string stale = "stale promotion=stale reverify=judged";
    {
        Judged judged;
        CHECK(judged.reverify_with(accepted(1.9)).outcome == RejudgeOutcome::broken);
        CHECK(judged.states() == stale);
        CHECK(judged.board().at(0).speedup.value == 1.9);
    }
    Judged judged;
    CHECK(judged.reverify_with(failed(Verdict::race)).outcome == RejudgeOutcome::broken);
    CHECK(judged.states() == stale);
    CHECK(judged.board().at(0).speedup.value == 1);
}

TEST_CASE("reverify: our own failure and a machine that cannot run it change nothing") {
    for (const Verdict verdict : {Verdict::internal, Verdict::compiled_only}) {
        Judged judged;
        CHECK(judged.reverify_with(failed(verdict)).outcome == RejudgeOutcome::not_judged);
        CHECK(judged.states() == "unverified promotion=judged");
    }
}

TEST_CASE("reverify: times of another machine or of a model are not compared") {
    Evaluation elsewhere = accepted(1.1);
    elsewhere.device = "cpu: another one";
    Evaluation modelled = accepted(1.1);
    modelled.timing_kind = "modelled";
    for (const Evaluation& now : {elsewhere, modelled}) {
        Judged judged;
        CHECK(judged.reverify_with(now).outcome == RejudgeOutcome::holds);
        CHECK(judged.states() == "unverified promotion=judged reverify=judged");
        CHECK(judged.board().size() == 2);  // each kind of time has a line of its own
    }
}

TEST_CASE("reverify: a slower time withdraws times of its own machine only") {
    Evaluation elsewhere = accepted(1.1);
    elsewhere.device = "cpu: another one";
    const std::string both = "unverified promotion=judged reverify=judged";
    for (const bool rejected : {false, true}) {
        Judged judged;
        judged.reverify_with(elsewhere);
        CHECK(judged.states() == both);
        const auto rows = must(board_judgings(judged.world.store, {}));
        REQUIRE(rows.size() == 2);
        const StoredJudging& there = rows[rows[0].row.result.device.empty() ? 1 : 0];
        Evaluation now = rejected ? failed(Verdict::race) : accepted(0.9);
        now.device = elsewhere.device;
        CHECK(judged.repeat(reverify, there, now).outcome == RejudgeOutcome::broken);
        CHECK(
            judged.states() ==
            (rejected ? "stale promotion=stale reverify=stale reverify=judged"
                      : "unverified promotion=judged reverify=stale reverify=judged"));
    }
}

TEST_CASE("reverify: a row judged by another version of the task is stale") {
    Judged judged;
    judged.task.hash = judged.task.cpu_hash = std::string(64, 'e');
    CHECK(judged.reverify_with(accepted(2)).outcome == RejudgeOutcome::task_changed);
    CHECK(judged.states() == "stale promotion=stale reverify=judged");
    CHECK(judged.reverify_with(accepted(2)).outcome == RejudgeOutcome::holds);
}

TEST_CASE("reverify: a CPU row that stored the hash of the whole folder is of the same task") {
    Judged judged;
    judged.task.hash = judged.task.cpu_hash;
    judged.task.cpu_hash = std::string(64, 'e');
    CHECK(judged.reverify_with(accepted(2)).outcome == RejudgeOutcome::holds);
    CHECK(must(judged.world.store.judgings(1)).back().task_hash == judged.task.cpu_hash);
}

TEST_CASE("reverify: kernels are named by what the board shows") {
    Judged judged;
    const std::string best = judged.board().at(0).candidate_hash;
    const auto named = must(board_judgings(judged.world.store, {"k" + best.substr(0, 9), best}));
    REQUIRE(named.size() == 1);
    CHECK(named[0].row.purpose == "promotion");
    CHECK(named[0].device_id == "cpu");
    const std::string rejected = must(judged.world.store.evaluations(1)).at(2).candidate_hash;
    const auto result = board_judgings(judged.world.store, {rejected});
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::usage);
    CHECK(contains(result.error().what, "no row on the board"));
    CHECK_FALSE(board_judgings(judged.world.store, {"; DROP TABLE"}).ok());
}

TEST_CASE("rejudge: candidates are chosen by the judging that counts and the old ones are stale") {
    Judged judged;
    db::Store& store = judged.world.store;
    CHECK(must(rejudgeable(store, {})).size() == 3);
    for (const RejudgeFilter& misspelt :
         {RejudgeFilter{"twise", "", {}, ""}, {"", "twise", {}, ""}}) {
        const auto nothing = rejudgeable(store, misspelt);
        REQUIRE_FALSE(nothing.ok());
        CHECK(nothing.error().code == Errc::usage);
        CHECK(nothing.error().hint == "did you mean twice?");
    }
    CHECK(must(rejudgeable(store, {"twice", "twice", Verdict::accepted, "kw-time/1"})).size() == 2);
    CHECK(must(rejudgeable(store, {"", "", {}, "kw-time/0"})).empty());
    const auto wrong = must(rejudgeable(store, {"", "", Verdict::wrong_result, ""}));
    REQUIRE(wrong.size() == 1);
    // The judge was too strict: what it refused is the fastest.
    CHECK(judged.repeat(rejudge, wrong[0], accepted(4)).outcome == RejudgeOutcome::holds);
    CHECK(judged.board().at(0).candidate_hash == wrong[0].candidate.hash);
    CHECK(must(store.evaluations(1)).at(2).state == "stale");
    CHECK(must(rejudgeable(store, {"", "", Verdict::wrong_result, ""})).empty());
    const auto best = must(rejudgeable(store, {"", "", Verdict::accepted, ""}));
    REQUIRE(best.size() == 3);
    judged.repeat(rejudge, best[1], accepted(2));  // also when it holds
    CHECK(judged.states() == "stale promotion=stale rejudge=judged");
}

TEST_CASE("rejudge: a task that was given by path is found in its own folder") {
    Judged judged;
    db::Store& store = judged.world.store;
    const fs::path folder = judged.task.folder;
    for (const StoredJudging& stored :
         {must(board_judgings(store, {})).at(0), must(rejudgeable(store, {})).at(0)}) {
        CHECK(stored.task_folder == folder);
        CHECK(must(find_stored_task("twice", stored.task_folder, {})).hash == judged.task.hash);
    }
    EvaluationRow waiting = must(store.evaluations(1)).at(1);
    must(store.set_evaluation_state(waiting.id, k_waiting));
    CHECK(must(waiting_judgings(store, "")).at(0).task_folder == folder);
    // The folder went away, or holds something else by now: the name decides.
    const std::vector<fs::path> roots = {judged.world.dir / "tasks"};
    CHECK(must(find_stored_task("twice", "/nowhere", roots)).folder == folder);
    CHECK(must(find_stored_task("twice", "", roots)).folder == folder);
    CHECK_FALSE(find_stored_task("thrice", folder, roots).ok());
    CHECK_FALSE(find_stored_task("twice", "/nowhere", {}).ok());
}

TEST_CASE("rejudge: settings that say no folder are no failure") {
    CampaignRow row;
    for (const char* settings : {"", "{}", "[", "{\"task_folder\": 3}"}) {
        row.settings_json = settings;
        CHECK(task_folder_of(row).empty());
    }
}
