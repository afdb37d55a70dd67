// SPDX-License-Identifier: Apache-2.0
#include "server/work/campaign_runner.hpp"
#include "tests/unit/server/fixture.hpp"

#include <nlohmann/json.hpp>

#include <thread>

using namespace kw;
using namespace kw::test;
using namespace kw::server;

namespace {

std::string problem(const nlohmann::json& document) {
    const auto wish = read_campaign_wish(document);
    REQUIRE_FALSE(wish.ok());
    CHECK(wish.error().code == Errc::usage);
    return wish.error().what + " | " + wish.error().hint;
}

}  // namespace

TEST_CASE("campaigns: what a request names stays a name on the server's machine", "[server]") {
    CHECK(must(read_campaign_wish({{"task", "t"}})).settings.proposer == "tune");
    for (const char* proposer :
         {"command:rm -rf /",
          "exchange:/tmp",
          "replay:/etc/passwd",
          "",
          "tune,command:x",
          "opena"}) {
        INFO(proposer);
        CHECK(contains(problem({{"proposer", proposer}}), "proposer"));
    }
    for (const char* strategy : {"/etc/passwd", "../x.toml", "x.toml", "a b"}) {
        CHECK(contains(problem({{"strategy", strategy}}), "strategy"));
    }
    CHECK(contains(problem({{"name", "a/b"}}), "name"));
    CHECK(contains(problem({{"hint", "a\nb"}}), "hint"));
    CHECK(contains(problem({{"proposr", "tune"}}), "proposer"));
    CHECK(contains(problem({{"budget", {{"max_eval", 3}}}}), "max_evals"));
    CHECK(contains(problem({{"budget", 7}}), "budget"));
    CHECK(contains(problem({{"budget", {{"max_evals", -1}}}}), "0 or more"));
    CHECK(contains(problem({{"width", "wide"}}), "width"));
    const CampaignWish wish = must(read_campaign_wish(
        {{"task", "t"},
         {"proposer", "openai:m"},
         {"budget", {{"max_evals", 7}, {"max_usd", 0.5}}}}));
    CHECK(wish.settings.budget.max_evals == 7);
    CHECK(wish.settings.budget.max_usd == 0.5);
}

TEST_CASE("campaigns: one is refused unless the server allows it", "[server]") {
    ServiceBench bench;
    CHECK(bench.ask("POST", "/v1/campaigns", R"({"task":"scale_add"})").status == 403);
}

TEST_CASE("campaigns: one runs through the queue and can be followed", "[server]") {
    ServiceBench bench;
    LaneSettings settings;
    settings.self.name = "local/cpu";
    settings.self.trusted = true;
    settings.self.devices = {"cpu"};
    settings.self.kinds = {"time", "build"};
    Lane lane(
        bench.dispatch,
        bench.tasks,
        [&](const Lease&) -> Result<Device*> { return &bench.device; },
        settings);
    CampaignRunner runner(
        {bench.store,
         bench.queue,
         bench.dispatch,
         bench.wakeups,
         bench.tasks,
         bench.clock,
         fs::path(KW_SOURCE_DIR) / "prompts",
         {}});
    bench.api.parts().runner = &runner;
    CHECK(bench.ask("POST", "/v1/campaigns", "{").status == 400);
    CHECK(bench.ask("POST", "/v1/campaigns", R"({"task":"none"})").status == 400);
    const Response started = bench.ask(
        "POST",
        "/v1/campaigns",
        R"({"task":"scale_add","name":"mine","proposer":"tune","budget":{"max_evals":3}})");
    INFO(started.body);
    REQUIRE(started.status == 202);
    CHECK(bench.json(started)["name"] == "mine");
    const auto running = [&] {
        return must(bench.store.campaign("mine"))->state == "running";
    };
    while (running()) {
        std::this_thread::yield();
    }
    const auto campaign = must(bench.store.campaign("mine"));
    CHECK(campaign->state == "finished");
    CHECK(campaign->evaluations >= 1);
    const Response events = bench.ask("GET", "/v1/campaigns/mine/events");
    CHECK(contains(events.stream->next().value(), "event: judged"));
    lane.stop();
    bench.dispatch.interrupt();
}

TEST_CASE("campaigns: one that waits for a device is saved when the service stops", "[server]") {
    ServiceBench bench;
    CampaignRunner runner(
        {bench.store,
         bench.queue,
         bench.dispatch,
         bench.wakeups,
         bench.tasks,
         bench.clock,
         fs::path(KW_SOURCE_DIR) / "prompts",
         {}});
    CampaignWish wish;
    wish.task = "scale_add";
    wish.settings.name = "waits";
    CHECK(must(runner.start(wish, 0)) == "waits");
    while (must(bench.queue.counts()).total == 0) {  // nobody judges here
        std::this_thread::yield();
    }
    runner.stop();
    CHECK(must(bench.store.campaign("waits"))->state == "interrupted");
    CHECK(must(bench.queue.counts()).total == 0);
    CHECK_FALSE(runner.start(wish, 0).ok());
}
