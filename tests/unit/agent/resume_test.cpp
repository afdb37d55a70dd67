// SPDX-License-Identifier: Apache-2.0
// kill -9 at every moment: a campaign is crashed at each thing it does to the world, resumed, and
// must end with the rows of a campaign that was never crashed.
#include "agent/campaign/campaign.hpp"
#include "agent/campaign/campaign_loop.hpp"
#include "agent/proposers/tuner.hpp"
#include "core/task_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/agent/search_fakes.hpp"

using namespace kw;
using namespace kw::agent;
using kw::test::accepted;
using kw::test::Bomb;
using kw::test::contains;
using kw::test::Crash;
using kw::test::failed;
using kw::test::kernel;
using kw::test::must;
using kw::test::reply_with;
using kw::test::World;

namespace {

/// Answers by step and slot; refuses to be asked for what is stored already.
class ScriptedProposer final : public Proposer {
public:
    ScriptedProposer(db::Store& store, std::int64_t campaign_id, Bomb& bomb)
        : store_(store)
        , campaign_id_(campaign_id)
        , bomb_(bomb) {}
    [[nodiscard]] std::string label() const override { return "scripted"; }
    [[nodiscard]] double worst_case_usd(const ProposeRequest&) const override { return 0.5; }
    Result<Reply> propose(const ProposeRequest& request, const std::atomic<int>&) override {
        REQUIRE_FALSE(must(store_.reply_at(campaign_id_, request.step, request.slot)));
        bomb_.tick();
        Reply reply;
        reply.model = "scripted";
        reply.usd = 0.25;
        reply.tokens_in = 100;
        reply.tokens_out = 10;
        const std::string tag =
            "k" + std::to_string(request.step) + "_" + std::to_string(request.slot);
        switch ((request.step * 2 + request.slot) % 5) {
            case 0: reply.text = "no code today"; break;
            case 1: reply.text = reply_with(kernel("same"), "the same again"); break;
            case 2:
                reply.text =
                    "<<<<<<< SEARCH\n    for (int64_t i = 0; i < N; ++i) y[i] = 2 * x[i];\n"
                    "=======\n    // " +
                    tag + "\n    for (int64_t i = 0; i < N; ++i) y[i] = x[i] + x[i]; int " + tag +
                    ";\n>>>>>>> REPLACE\n";
                break;
            default: reply.text = reply_with(kernel(tag), "try " + tag); break;
        }
        bomb_.tick();
        return reply;
    }

private:
    db::Store& store_;
    std::int64_t campaign_id_;
    Bomb& bomb_;
};

Result<Evaluation> judge_by_hash(const std::string& source) {
    const int mix = std::stoi(sha256_hex(source).substr(0, 4), nullptr, 16);
    return mix % 4 == 0 ? failed(Verdict::wrong_result, "by hash")
                        : accepted(0.5 + (mix % 97) / 40.0);
}

/// Some kernels do not keep what their first judging promised.
Result<Evaluation> judge_again_by_hash(const std::string& source) {
    const int mix = std::stoi(sha256_hex(source).substr(4, 4), nullptr, 16);
    if (mix % 7 == 0) {
        return failed(Verdict::wrong_result, "on a held-out shape");
    }
    Evaluation result = must(judge_by_hash(source));
    const double factor = result.speedup.value > 1.5 ? 0.6 : 0.98;
    for (double* value : {&result.speedup.value, &result.speedup.lo, &result.speedup.hi}) {
        *value *= factor;
    }
    return result;
}

/// Replies at their price and calls that a crash cut off at what was reserved, once each.
double charged(db::Store& store, const std::string& name) {
    const auto id = must(store.campaign(name))->id;
    double usd = 0;
    std::set<std::pair<int, int>> settled;
    for (const ModelCallRow& call : must(store.model_calls(id))) {
        REQUIRE(call.state != "reserved");
        usd += call.state == "settled" ? 0.25 : 0.5;
        REQUIRE((call.state == "lost" || settled.emplace(call.step, call.slot).second));
    }
    REQUIRE(settled.size() == must(store.replies(id)).size());
    return usd;
}

/// Judges nothing that has a stored evaluation in its campaign.
struct Scripted {
    explicit Scripted(int crash_at = -1)
        : world(judge_by_hash, &bomb)
        , task(must(load_task(test::write_task(world.dir.path())))) {
        bomb.at = crash_at;
        world.device.again = judge_again_by_hash;
        stored.settings.budget = {11, 500.0, 0, 0};
        stored.settings.width = 2;
        stored.settings.strategy = "maxcode";
        stored.task_folder = task.folder;
        CampaignRow row;
        row.name = "camp";
        row.task = task.name;
        row.task_hash = hash_for(task, row.target);
        row.settings_json = to_json(stored);
        row.state = "running";
        must(world.store.create_campaign(row));
    }

    Result<CampaignSummary> run() {
        auto context = world.context();
        const CampaignRow row = *must(world.store.campaign("camp"));
        ScriptedProposer proposer(world.store, row.id, bomb);
        const auto strategy = test::shipped_strategy("maxcode", {2, 3});
        const PromptBook prompts = must(load_prompts(context.prompts_dir, "cpu"));
        CampaignLoop loop(
            must(settings_from_json(row.settings_json)),
            task,
            context,
            {proposer, *strategy, prompts, {test::read_text(task.seed), "seed"}},
            row);
        return loop.run();
    }

    Bomb bomb;
    World world;
    Task task;
    StoredSettings stored;
};

}  // namespace

TEST_CASE(
    "resume: a campaign crashed at any moment ends with the rows of one that never was", "[slow]") {
    Scripted plain;
    REQUIRE(plain.run().ok());
    const std::string want = test::outline(plain.world.store, "camp");
    CHECK(contains(want, "NR"));
    CHECK(contains(want, "DU"));
    CHECK(contains(want, "AC"));
    CHECK(contains(want, " promotion judged "));
    CHECK(
        plain.world.events.count(EventType::promoted) > plain.world.events.count(EventType::best));
    CHECK(must(plain.world.store.campaign("camp"))->evaluations == 11);
    REQUIRE(plain.bomb.ticks > 100);
    REQUIRE(plain.bomb.moments.size() > 50);
    for (const int moment : plain.bomb.moments) {
        Scripted crashed(moment);
        bool died = false;
        try {
            (void)crashed.run();
        } catch (const Crash&) {
            died = true;
        }
        REQUIRE(died);
        INFO("crashed at moment " << moment);
        const CampaignSummary summary = must(crashed.run());
        REQUIRE(charged(crashed.world.store, "camp") == Approx(summary.row.spent_usd));
        REQUIRE(test::outline(crashed.world.store, "camp") == want);
    }
}

TEST_CASE("resume: crashing again and again still ends with the same rows") {
    Scripted plain;
    REQUIRE(plain.run().ok());
    const std::string want = test::outline(plain.world.store, "camp");
    for (const int stride : {23, 31, 47}) {
        Scripted crashed(stride);
        int crashes = 0;
        while (true) {
            try {
                must(crashed.run());
                break;
            } catch (const Crash&) {
                REQUIRE(++crashes < 200);
                crashed.bomb.at = crashed.bomb.ticks + stride;
            }
        }
        CHECK(crashes > 1);
        CHECK(test::outline(crashed.world.store, "camp") == want);
    }
}

namespace {

CampaignSettings tune_settings() {
    CampaignSettings settings;
    settings.name = "tuned";
    settings.proposer = "tune";
    settings.budget.max_evals = 7;
    settings.search_seed = 3;
    return settings;
}

}  // namespace

TEST_CASE("resume: a crashed tune campaign goes on through resume_campaign") {
    World plain(judge_by_hash);
    const Task task = must(load_task(test::write_task(plain.dir.path())));
    auto plain_context = plain.context();
    REQUIRE(run_campaign(tune_settings(), task, plain_context).ok());
    const std::string want = test::outline(plain.store, "tuned");
    for (int moment = 0;; moment += 5) {
        Bomb bomb;
        bomb.at = moment;
        World world(judge_by_hash, &bomb);
        test::write_task(world.dir.path());
        auto context = world.context();
        bool died = false;
        try {
            (void)run_campaign(tune_settings(), task, context);
        } catch (const Crash&) {
            died = true;
        }
        if (!died) {
            CHECK(moment > 50);
            break;
        }
        if (!must(world.store.campaign("tuned"))) {
            continue;  // nothing had begun
        }
        REQUIRE(resume_campaign("tuned", nullptr, context).ok());
        REQUIRE(test::outline(world.store, "tuned") == want);
    }
}

TEST_CASE("resume: an unknown campaign is a usage error that suggests") {
    World world(judge_by_hash);
    const Task task = must(load_task(test::write_task(world.dir.path())));
    auto context = world.context();
    REQUIRE(run_campaign(tune_settings(), task, context).ok());
    const auto result = resume_campaign("tunde", nullptr, context);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::usage);
    CHECK(contains(result.error().hint, "tuned"));
}

TEST_CASE("resume: a changed task folder is refused") {
    World world(judge_by_hash);
    const Task task = must(load_task(test::write_task(world.dir.path())));
    auto context = world.context();
    REQUIRE(run_campaign(tune_settings(), task, context).ok());
    test::write_task(world.dir.path(), std::string(test::k_tuned_seed) + "// changed\n");
    Budget more;
    more.max_evals = 20;
    const auto result = resume_campaign("tuned", &more, context);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::usage);
    CHECK(contains(result.error().what, "changed"));
    CHECK(must(world.store.campaign("tuned"))->evaluations == 7);
}

TEST_CASE("resume: a larger budget goes on and a finished campaign stays as it is") {
    World world(judge_by_hash);
    const Task task = must(load_task(test::write_task(world.dir.path())));
    auto context = world.context();
    REQUIRE(run_campaign(tune_settings(), task, context).ok());
    const std::string before = test::outline(world.store, "tuned");
    REQUIRE(resume_campaign("tuned", nullptr, context).ok());
    CHECK(test::outline(world.store, "tuned") == before);
    Budget more;
    more.max_evals = 9;
    CHECK(must(resume_campaign("tuned", &more, context)).evaluations == 9);
    CHECK(must(resume_campaign("tuned", nullptr, context)).evaluations == 9);  // the change is kept
}
