// SPDX-License-Identifier: Apache-2.0
#include "agent/campaign/campaign.hpp"

#include "agent/proposers/cassette.hpp"
#include "agent/proposers/tuner.hpp"
#include "core/candidate.hpp"
#include "core/task_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_server.hpp"
#include "tests/unit/agent/fakes.hpp"

#include <nlohmann/json.hpp>

using namespace kw;
using namespace kw::agent;
using kw::test::accepted;
using kw::test::contains;
using kw::test::failed;
using kw::test::kernel;
using kw::test::must;
using kw::test::reply_with;
using kw::test::World;

namespace {

/// UNROLL and BLOCK of the tuned seed decide; the best point is UNROLL=4 BLOCK=32.
Result<Evaluation> tuned_judge(const std::string& source) {
    const TuneSpace space = must(read_tune_space(source));
    const auto point = point_of(space, source);
    if (!point) {
        return failed(Verdict::compile_error);
    }
    const double unroll = static_cast<double>((*point)[0]) - 2;
    const double block = static_cast<double>((*point)[1]) - 1;
    return accepted(2 - 0.2 * unroll * unroll - 0.3 * block * block);
}

Result<Evaluation> accept_all(const std::string&) {
    return accepted(1.0);
}

CampaignSettings tune_settings(int max_evals) {
    CampaignSettings settings;
    settings.proposer = "tune";
    settings.budget.max_evals = max_evals;
    return settings;
}

/// Writes a cassette with these replies, two slots a step, and gives the settings that replay it.
CampaignSettings replay_settings(
    World& world, const Task& task, const std::vector<std::string>& replies) {
    Cassette cassette;
    cassette.task = task.name;
    cassette.task_hash = hash_for(task, "cpu");
    cassette.isa = "x86-64-v3";
    const Candidate start = make_candidate(task.name, test::read_text(task.seed), "x86-64-v3");
    for (std::size_t i = 0; i < replies.size(); ++i) {
        CassetteReply reply;
        reply.step = static_cast<int>(i / 2) + 1;
        reply.slot = static_cast<int>(i % 2);
        reply.parent_hash = start.hash;
        reply.raw = replies[i];
        reply.model = "scripted";
        cassette.replies.push_back(reply);
    }
    test::write_text(world.dir / "cassette.jsonl", to_json_lines(cassette));
    CampaignSettings settings;
    settings.proposer = "replay:" + (world.dir / "cassette.jsonl").string();
    settings.budget.max_evals = 100;
    return settings;
}

std::vector<EvaluationRow> rows_of(World& world, const std::string& name) {
    return must(world.store.evaluations(must(world.store.campaign(name))->id));
}

}  // namespace

TEST_CASE("campaign: tuning finds the best point and ends when the space is exhausted") {
    World world(tuned_judge);
    const Task task = must(load_task(test::write_task(world.dir.path())));
    auto context = world.context();
    const CampaignSummary summary = must(run_campaign(tune_settings(100), task, context));
    CHECK(summary.stop_reason == "search finished");
    CHECK(summary.evaluations == 12);  // 4 x 3 points, the seed is one of them
    CHECK(summary.best_speedup.value == Approx(2));
    CHECK(summary.row.state == "finished");
    CHECK(world.device.judged.size() == 12);
    CHECK(
        std::set<std::string>(world.device.judged.begin(), world.device.judged.end()).size() == 12);
    CHECK(world.events.count(EventType::judged) == 12);
    CHECK(world.events.count(EventType::best) >= 2);
    CHECK(world.events.count(EventType::started) == 1);
    CHECK(world.events.count(EventType::stopped) == 1);
}

TEST_CASE("campaign: a start source that is not accepted is warned about and searched from") {
    World world([](const std::string& source) -> Result<Evaluation> {
        return source == test::k_tuned_seed ? failed(Verdict::compile_error) : accepted(2);
    });
    const Task task = must(load_task(test::write_task(world.dir.path())));
    auto context = world.context();
    const CampaignSummary summary = must(run_campaign(tune_settings(4), task, context));
    CHECK(summary.best_speedup.value == Approx(2));
    REQUIRE(world.events.count(EventType::warning) == 1);
    CHECK(contains(world.events.all_text(), "seed was not accepted (CE)"));
}

TEST_CASE("campaign: the budget of evaluations is kept exactly") {
    for (const int budget : {1, 2, 5}) {
        World world(tuned_judge);
        const Task task = must(load_task(test::write_task(world.dir.path())));
        auto context = world.context();
        const CampaignSummary summary = must(run_campaign(tune_settings(budget), task, context));
        CHECK(summary.evaluations == budget);
        CHECK(world.device.judged.size() == static_cast<std::size_t>(budget));
        CHECK(summary.stop_reason == "budget: evaluations");
    }
}

TEST_CASE("campaign: the budget of seconds counts all sessions") {
    World world(tuned_judge);
    const Task task = must(load_task(test::write_task(world.dir.path())));
    world.device.after = [&] {
        world.clock.advance(std::chrono::seconds(10));
    };
    auto context = world.context();
    CampaignSettings settings = tune_settings(0);
    settings.budget.max_seconds = 35;
    const CampaignSummary first = must(run_campaign(settings, task, context));
    CHECK(first.stop_reason == "budget: time");
    CHECK(first.evaluations == 4);
    const CampaignSummary again = must(resume_campaign("twice", nullptr, context));
    CHECK(again.evaluations == 4);
    Budget more = settings.budget;
    more.max_seconds = 55;
    CHECK(must(resume_campaign("twice", &more, context)).evaluations == 6);
}

TEST_CASE("campaign: every kind of reply becomes a row and the search goes on") {
    World world([](const std::string& source) -> Result<Evaluation> {
        return contains(source, "fast") ? accepted(3) : accepted(1);
    });
    const Task task = must(load_task(test::write_task(world.dir.path())));
    auto context = world.context();
    const std::string edit =
        "NOTE: edited\n<<<<<<< SEARCH\n#define UNROLL 1\n=======\n#define UNROLL 1 + 7\n>>>>>>> "
        "REPLACE\n";
    const CampaignSettings settings = replay_settings(
        world,
        task,
        {"I cannot.",
         reply_with(kernel("fast"), "good"),
         reply_with("// other words\n" + kernel("fast"), "again"),
         edit,
         "<<<<<<< SEARCH\nnot there\n=======\nx\n>>>>>>> REPLACE\n",
         reply_with("//!kwright task=other\n" + kernel("x"), "wrong task")});
    const CampaignSummary summary = must(run_campaign(settings, task, context));
    CHECK(summary.stop_reason == "search finished");
    const auto rows = rows_of(world, "twice");
    REQUIRE(rows.size() == 7);
    const auto verdict = [&](std::size_t i) {
        return std::string(code(rows[i].result.verdict));
    };
    CHECK(verdict(0) == "AC");
    CHECK(verdict(1) == "NR");
    CHECK(verdict(2) == "AC");
    CHECK(rows[2].new_best);
    CHECK(rows[2].note == "good");
    CHECK(verdict(3) == "DU");
    CHECK(contains(rows[3].result.summary, "step 1 slot 1"));
    CHECK(verdict(4) == "AC");
    CHECK(verdict(5) == "NR");
    CHECK(contains(rows[5].result.summary, "does not match"));
    CHECK(verdict(6) == "NR");
    CHECK(world.device.judged.size() == 3);
    const CandidateRow edited = must(world.store.candidate(rows[4].candidate_hash));
    CHECK(contains(edited.source, "#define UNROLL 1 + 7"));
    CHECK(rows[4].parent_hash == rows[0].candidate_hash);
}

TEST_CASE("campaign: a replayed export gives the same candidates and costs nothing") {
    World first([](const std::string& source) -> Result<Evaluation> {
        return contains(source, "b_tag") ? accepted(2) : accepted(1);
    });
    const Task task = must(load_task(test::write_task(first.dir.path())));
    auto context = first.context();
    const CampaignSettings settings = replay_settings(
        first,
        task,
        {reply_with(kernel("a_tag"), "a"),
         "nothing",
         reply_with(kernel("b_tag"), "b"),
         "<<<<<<< SEARCH\n#define UNROLL 1\n=======\n#define UNROLL 9\n>>>>>>> REPLACE\n"});
    REQUIRE(run_campaign(settings, task, context).ok());
    REQUIRE(export_cassette("twice", first.store, first.dir / "out.jsonl").ok());

    World second(accept_all);
    auto other = second.context();
    CampaignSettings again;
    again.proposer = "replay:" + (first.dir / "out.jsonl").string();
    again.budget.max_evals = 100;
    const CampaignSummary summary = must(run_campaign(again, task, other));
    CHECK(summary.row.spent_usd == 0);
    const auto want = rows_of(first, "twice");
    const auto got = rows_of(second, "twice");
    REQUIRE(got.size() == want.size());
    for (std::size_t i = 0; i < want.size(); ++i) {
        CHECK(got[i].candidate_hash == want[i].candidate_hash);
        CHECK(got[i].step == want[i].step);
        CHECK(got[i].slot == want[i].slot);
    }
    CHECK(must(second.store.candidate(got[1].candidate_hash)).isa == "x86-64-v3");
}

TEST_CASE("campaign: a cassette of another task is refused") {
    World world(accept_all);
    const Task task = must(load_task(test::write_task(world.dir.path())));
    auto context = world.context();
    Task other = task;
    other.name = "thrice";
    const CampaignSettings settings = replay_settings(world, other, {"x"});
    const auto result = run_campaign(settings, task, context);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::usage);
    CHECK(must(world.store.campaigns()).empty());
}

TEST_CASE("campaign: an own failure of the judge is stored unscored and three in a row stop it") {
    World world([](const std::string&) -> Result<Evaluation> {
        return failed(Verdict::internal, "the lane is gone");
    });
    const Task task = must(load_task(test::write_task(world.dir.path())));
    auto context = world.context();
    const auto result = run_campaign(tune_settings(20), task, context);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::environment);
    CHECK(contains(result.error().what, "the lane is gone"));
    const auto rows = rows_of(world, "twice");
    CHECK(rows.size() == 3);
    for (const EvaluationRow& row : rows) {
        CHECK(row.reward == 0);
        CHECK_FALSE(row.new_best);
    }
    CHECK(world.device.judged.size() == 6);  // each is tried again once
    CHECK(must(world.store.campaign("twice"))->state == "failed");
}

TEST_CASE("campaign: an error of the judge stops it and resume judges the stored reply") {
    bool broken = true;
    int calls = 0;
    World world([&](const std::string& source) -> Result<Evaluation> {
        if (++calls == 3 && broken) {
            return Error{Errc::environment, "no compiler", "install one"};
        }
        return tuned_judge(source);
    });
    world.device.again = tuned_judge;
    const Task task = must(load_task(test::write_task(world.dir.path())));
    auto context = world.context();
    const auto result = run_campaign(tune_settings(6), task, context);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().what == "no compiler");
    const CampaignRow stopped = *must(world.store.campaign("twice"));
    CHECK(stopped.state == "failed");
    CHECK(stopped.evaluations == 2);
    CHECK(must(world.store.replies(stopped.id)).size() == 2);
    broken = false;
    const CampaignSummary summary = must(resume_campaign("twice", nullptr, context));
    CHECK(summary.evaluations == 6);
    CHECK(must(world.store.replies(stopped.id)).size() == 5);
}

TEST_CASE("campaign: the first stop finishes the judgement and the second abandons it") {
    World world(tuned_judge);
    const Task task = must(load_task(test::write_task(world.dir.path())));
    auto context = world.context();
    world.device.after = [&] {
        if (world.device.judged.size() == 3) {
            world.stop.level = 1;
        }
    };
    const CampaignSummary first = must(run_campaign(tune_settings(8), task, context));
    CHECK(first.interrupted);
    CHECK(first.evaluations == 3);
    CHECK(first.row.state == "interrupted");
    world.stop.level = 2;
    CHECK(must(resume_campaign("twice", nullptr, context)).evaluations == 3);
    world.stop.level = 0;
    world.device.after = {};
    CHECK(must(resume_campaign("twice", nullptr, context)).evaluations == 8);

    World other(tuned_judge);
    const Task same = must(load_task(test::write_task(other.dir.path())));
    auto abandoned = other.context();
    other.stop.level = 0;
    struct StopAtStage final : EventSink {
        explicit StopAtStage(StopControl& stop)
            : control(stop) {}
        void on_event(const Event& event) override {
            if (event.type == EventType::stage && event.eval == 2) {
                control.level = 2;
            }
        }
        StopControl& control;
    } sink(other.stop);
    CampaignContext with_stop{
        other.device,
        other.store,
        sink,
        other.clock,
        other.stop,
        abandoned.prompts_dir,
        abandoned.task_roots,
        "",
        {}};
    const CampaignSummary left = must(run_campaign(tune_settings(8), same, with_stop));
    CHECK(left.interrupted);
    CHECK(left.evaluations == 2);
}

TEST_CASE("campaign: money is reserved before each call and never exceeded") {
    const std::string body =
        nlohmann::json({{"choices", {{{"message", {{"content", reply_with(kernel("a"), "n")}}}}}},
                        {"usage", {{"prompt_tokens", 2000}, {"completion_tokens", 1000}}}})
            .dump();
    test::HttpServer server({{200, body, {}, 0, false, false}});
    World world(accept_all);
    const Task task = must(load_task(test::write_task(world.dir.path())));
    world.models.base_url = server.url();
    world.models.usd_per_mtok_in = 10;
    world.models.usd_per_mtok_out = 50;
    world.models.max_output_tokens = 1000;
    world.models.environment = [](const std::string&) {
        return std::optional<std::string>();
    };
    auto context = world.context();
    CampaignSettings settings;
    settings.proposer = "openai:m";
    settings.strategy = "best-of-n";
    settings.budget = {0, 0.5, 0, 0};
    const CampaignSummary summary = must(run_campaign(settings, task, context));
    CHECK(summary.stop_reason == "budget: usd");
    CHECK(summary.row.spent_usd <= 0.5);
    CHECK(summary.row.spent_usd == Approx(0.07 * (summary.evaluations - 1)));
    CHECK(summary.evaluations > 4);
    CHECK(world.events.count(EventType::budget) == 1);

    settings.budget = {0, 0, 20'000, 0};
    const CampaignSummary tokens = must(run_campaign(settings, task, context));
    CHECK(tokens.stop_reason == "budget: tokens");
    CHECK(tokens.row.tokens_in + tokens.row.tokens_out <= 20'000);

    world.models.usd_per_mtok_in = -1;
    auto unpriced = world.context();
    settings.budget = {5, 1, 0, 0};
    const auto refused = run_campaign(settings, task, unpriced);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().code == Errc::usage);
    CHECK(contains(refused.error().hint, "model.usd_per_mtok_in"));
}

TEST_CASE("campaign: an API key reaches neither events nor the database nor errors") {
    const std::string key = "sk-verysecret-4242424242";
    const std::string body =
        nlohmann::json(
            {{"choices",
              {{{"message",
                 {{"content",
                   "your key is " + key + "\n" + reply_with(kernel("a"), "note " + key)}}}}}}})
            .dump();
    const auto delta = [](const std::string& text) {
        return nlohmann::json({{"choices", {{{"delta", {{"content", text}}}}}}}).dump();
    };
    const test::HttpAnswer stream = test::event_stream(
        {delta("your key is " + key.substr(0, 7)),
         delta(key.substr(7) + "\n" + reply_with(kernel("b"), "note " + key)),
         R"({"choices":[{"delta":{},"finish_reason":"stop"}]})"});
    test::HttpServer server(
        {{500, R"({"error":{"message":"no for )" + key + R"("}})", {}, 0, false, false},
         {200, body, {}, 0, false, false},
         stream,
         {401, R"({"error":{"message":"bad )" + key + R"("}})", {}, 0, false, false}});
    World world(accept_all);
    const Task task = must(load_task(test::write_task(world.dir.path())));
    world.models.base_url = server.url();
    world.models.environment = [&](const std::string& name) {
        return name == "OPENAI_API_KEY" ? std::optional<std::string>(key) : std::nullopt;
    };
    auto context = world.context();
    CampaignSettings settings;
    settings.proposer = "openai:m";
    settings.strategy = "chain";
    settings.budget.max_evals = 10;
    const auto result = run_campaign(settings, task, context);
    REQUIRE_FALSE(result.ok());
    CHECK(world.events.count(EventType::retry) == 1);
    CHECK_FALSE(contains(result.error().what + result.error().hint, "verysecret"));
    CHECK_FALSE(contains(world.events.all_text(), "verysecret"));
    const auto id = must(world.store.campaign("twice"))->id;
    CHECK(must(world.store.replies(id)).size() == 2);
    for (const ReplyRow& reply : must(world.store.replies(id))) {
        CHECK(contains(reply.raw, "your key is [key]"));
        CHECK_FALSE(contains(reply.raw + reply.prompt + reply.model, "verysecret"));
    }
    for (const EvaluationRow& row : rows_of(world, "twice")) {
        CHECK_FALSE(contains(row.note, "verysecret"));
    }
    for (const auto& entry : std::filesystem::directory_iterator(world.dir.path())) {
        if (entry.is_regular_file()) {
            CHECK_FALSE(contains(test::read_text(entry.path()), "verysecret"));
        }
    }
    REQUIRE(contains(server.requests().front(), key));  // it did go where it belongs
}

TEST_CASE("campaign: plans show what would run and ask nobody") {
    World world(accept_all);
    const Task task = must(load_task(test::write_task(world.dir.path())));
    auto context = world.context();
    CampaignSettings settings;
    settings.proposer = "exchange:" + (world.dir / "exchange").string();
    settings.hint = "use wide loads";
    const Plan plan = must(plan_campaign(settings, task, context));
    CHECK(plan.lines.size() >= 4);
    CHECK(contains(plan.first_prompt, "use wide loads"));
    CHECK(contains(plan.first_prompt, "#define UNROLL 1"));
    CHECK(contains(plan.estimate, "40 evaluations"));
    CHECK(world.device.judged.empty());
    CHECK(must(world.store.campaigns()).empty());
    CHECK_FALSE(std::filesystem::exists(world.dir / "exchange"));
}

TEST_CASE("campaign: wrong settings are usage errors before anything is stored") {
    World world(accept_all);
    const Task task = must(load_task(test::write_task(world.dir.path())));
    auto context = world.context();
    const auto refused = [&](const std::function<void(CampaignSettings&)>& change) {
        CampaignSettings settings = tune_settings(10);
        change(settings);
        const auto result = run_campaign(settings, task, context);
        REQUIRE_FALSE(result.ok());
        CHECK(result.error().code == Errc::usage);
    };
    refused([](auto& s) { s.budget.max_evals = 0; });
    refused([](auto& s) { s.width = 0; });
    refused([](auto& s) { s.gamma = 0; });
    refused([](auto& s) { s.proposer = "exchange:x", s.strategy = "greedy"; });
    refused([](auto& s) { s.proposer = "tuna"; });
    CHECK(must(world.store.campaigns()).empty());
}

TEST_CASE("campaign: submitted files are judged and stored side by side") {
    World world([](const std::string& source) -> Result<Evaluation> {
        return contains(source, "good") ? accepted(2) : failed(Verdict::wrong_result);
    });
    const Task task = must(load_task(test::write_task(world.dir.path())));
    auto context = world.context();
    const auto first =
        must(submit_candidate(task, make_candidate("twice", kernel("good")), context, {}));
    const auto second =
        must(submit_candidate(task, make_candidate("twice", kernel("bad")), context, {}));
    CHECK(first.reward == Approx(2));
    CHECK(second.reward == 0);
    CHECK(rows_of(world, "user-twice").size() == 2);
    CHECK(must(world.store.campaign("user-twice"))->evaluations == 2);
}
