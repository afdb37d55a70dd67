// SPDX-License-Identifier: Apache-2.0
#include "server/wire/wire.hpp"
#include "tests/unit/server/fixture.hpp"

using namespace kw;
using namespace kw::test;
using namespace kw::server;

TEST_CASE("evaluations: one is asked for, judged and shown whole", "[server]") {
    ServiceBench bench;
    const Response asked = bench.ask("POST", "/v1/evaluations", bench.evaluation("bad one"));
    REQUIRE(asked.status == 202);
    const auto job = bench.json(asked);
    CHECK(job["id"] == "e-1");
    CHECK(job["poll"] == "/v1/evaluations/e-1");
    CHECK(job["state"] == "queued");
    CHECK(job["position"] == 1);
    CHECK(job["estimate_s"].is_null());
    CHECK(job["lanes"] == 0);
    CHECK(asked.header.at("Location") == "/v1/evaluations/e-1");
    REQUIRE(bench.work_once());
    const auto done = bench.json(bench.ask("GET", "/v1/evaluations/e-1"));
    CHECK(done["state"] == "done");
    CHECK(done["outcome"] == "your code");
    CHECK(done["evaluation_state"] == "judged");
    const Evaluation evaluation = must(evaluation_from_json(done["evaluation"]));
    CHECK(evaluation.verdict == Verdict::wrong_result);
    CHECK(contains(bench.ask("GET", "/v1/campaigns").body, "service-scale_add"));
    CHECK(must(bench.store.campaign("service-scale_add"))->evaluations == 1);
}

TEST_CASE("evaluations: our outage is told from the caller's code", "[server]") {
    ServiceBench bench;
    const std::string id = bench.submit("outage");
    for (int attempt = 1; attempt <= 2; ++attempt) {
        bench.work_once();
        const auto waits = bench.json(bench.ask("GET", "/v1/evaluations/" + id));
        CHECK(waits["state"] == "queued");
        CHECK(contains(waits["note"], "our outage: the compiler is gone"));
    }
    bench.work_once();
    const auto failed = bench.json(bench.ask("GET", "/v1/evaluations/" + id));
    CHECK(failed["state"] == "failed");
    CHECK(failed["outcome"] == "our outage");
    CHECK(failed["error"]["kind"] == "environment");
    CHECK_FALSE(bench.work_once());
}

TEST_CASE("evaluations: a wait ends with the result or with its time", "[server]") {
    ServiceBench bench;
    const std::string id = bench.submit("bad");
    const Response waiting = bench.ask("GET", "/v1/evaluations/" + id + "?wait=30s");
    REQUIRE(waiting.wait);
    CHECK(waiting.wait->limit == std::chrono::seconds(30));
    CHECK(waiting.wait->topic == topic_of_job(1));
    CHECK_FALSE(waiting.wait->again(false));
    const auto late = waiting.wait->again(true);
    REQUIRE(late);
    CHECK(bench.json(*late)["position"] == 1);
    std::vector<std::string> woken;
    bench.wakeups.listen([&](const std::string& topic) { woken.push_back(topic); });
    bench.work_once();
    CHECK(std::ranges::count(woken, topic_of_job(1)) > 0);
    const auto done = waiting.wait->again(false);
    REQUIRE(done);
    CHECK(bench.json(*done)["state"] == "done");
    CHECK(done->header.contains("Content-Security-Policy"));
    CHECK_FALSE(bench.ask("GET", "/v1/evaluations/" + id + "?wait=30s").wait);
    for (const char* wrong : {"soon", "-1", "1h", "nan", ""}) {
        CHECK(bench.ask("GET", "/v1/evaluations/" + id + "?wait=" + wrong).status == 400);
    }
    const std::string other = bench.submit("x");
    CHECK(
        bench.ask("GET", "/v1/evaluations/" + other + "?wait=9999").wait->limit ==
        std::chrono::seconds(60));
}

TEST_CASE("evaluations: what cannot be asked for is a usage error with a hint", "[server]") {
    ServiceBench bench;
    const auto error = [&](const std::string& body) {
        const Response response = bench.ask("POST", "/v1/evaluations", body);
        INFO(body.substr(0, 200));
        CHECK(response.status == 400);
        const auto document = bench.json(response)["error"];
        CHECK(document["kind"] == "usage");
        return document["message"].get<std::string>() + " | " + document["hint"].get<std::string>();
    };
    CHECK(contains(error("nonsense"), "not JSON"));
    CHECK(contains(error("[]"), "object"));
    CHECK(contains(error(R"({"task":"scale_add"})"), "source"));
    CHECK(contains(error(R"({"task":"scale_ad","source":"x"})"), "scale_add"));
    CHECK(contains(error(R"({"task":"../../../etc","source":"x"})"), "letters"));
    CHECK(contains(error(R"({"task":"/etc/passwd","source":"x"})"), "letters"));
    CHECK(contains(error(R"({"task":"scale_add","source":"x","soruce":1})"), "source"));
    CHECK(contains(error(R"({"task":"scale_add","source":7})"), "text"));
    CHECK(contains(error(R"({"task":"scale_add","source":"x","device":"toaster"})"), "device"));
    CHECK(contains(error(R"({"task":"scale_add","source":"x","device":"cuda:../x"})"), "device"));
    CHECK(contains(error(R"({"task":"scale_add","source":"x","target":"gpu"})"), "target"));
    CHECK(contains(
        error(R"({"task":"scale_add","source":"x","target":"cuda","device":"cpu"})"), "judge"));
    CHECK(contains(error(R"({"task":"scale_add","source":"x","isa":"avx"})"), "isa"));
    CHECK(contains(error(R"({"task":"scale_add","source":"x","seed":"1"})"), "seed"));
    CHECK(contains(error(R"({"task":"scale_add","source":"x","options":{"timd":1}})"), "timed"));
    CHECK(contains(
        error(nlohmann::json({{"task", "scale_add"}, {"source", std::string(1'100'000, 'x')}})
                  .dump()),
        "bytes"));
    CHECK(must(bench.queue.counts()).total == 0);
}

TEST_CASE("evaluations: a replayed request is the same evaluation", "[server]") {
    ServiceBench bench;
    const auto post = [&](const std::string& source, const std::string& key) {
        Request request = bench.request("POST", "/v1/evaluations", bench.evaluation(source));
        request.header["idempotency-key"] = key;
        return bench.api.answer(request);
    };
    CHECK(bench.json(post("good", "k"))["id"] == "e-1");
    const auto again = bench.json(post("good", "k"));
    CHECK(again["id"] == "e-1");
    CHECK(again["replayed"] == true);
    CHECK(post("other", "k").status == 409);
    CHECK(bench.json(post("good", ""))["id"] == "e-2");
    CHECK(post("good", std::string(201, 'k')).status == 400);
    CHECK(post("good", "a\tb").status == 400);
}

TEST_CASE("evaluations: a full queue says later", "[server]") {
    db::QueueSettings settings;
    settings.max_queued = 2;
    ServiceBench bench({}, settings);
    bench.submit("a");
    bench.submit("b");
    const Response full = bench.ask("POST", "/v1/evaluations", bench.evaluation("c"));
    CHECK(full.status == 429);
    CHECK(full.header.contains("Retry-After"));
    CHECK(bench.json(full)["error"]["kind"] == "limit");
}

TEST_CASE("evaluations: a batch answers for each of its own", "[server]") {
    ServiceBench bench;
    const std::string body =
        R"({"evaluations":[{"task":"scale_add","source":"a"},{"task":"none","source":"b"},7,)"
        R"({"task":"scale_add","source":"c"}]})";
    Request request = bench.request("POST", "/v1/evaluations/batch", body);
    request.header["idempotency-key"] = "k";
    const auto answer = bench.json(bench.api.answer(request));
    REQUIRE(answer["evaluations"].size() == 4);
    CHECK(answer["evaluations"][0]["id"] == "e-1");
    CHECK(answer["evaluations"][1]["error"]["kind"] == "usage");
    CHECK(answer["evaluations"][2]["error"]["kind"] == "usage");
    CHECK(answer["evaluations"][3]["id"] == "e-2");
    CHECK(bench.json(bench.api.answer(request))["evaluations"][3]["replayed"] == true);
    CHECK(bench.ask("POST", "/v1/evaluations/batch", R"({"evaluations":[]})").status == 400);
    CHECK(bench.ask("POST", "/v1/evaluations/batch", R"({"evaluations":{}})").status == 400);
    CHECK(bench.ask("POST", "/v1/evaluations/batch", "{}").status == 400);
}

TEST_CASE("evaluations: one can be withdrawn until it has ended", "[server]") {
    ServiceBench bench;
    const std::string id = bench.submit("a");
    CHECK(bench.ask("DELETE", "/v1/evaluations/" + id).status == 200);
    CHECK(bench.json(bench.ask("GET", "/v1/evaluations/" + id))["state"] == "cancelled");
    CHECK(bench.ask("DELETE", "/v1/evaluations/" + id).status == 409);
    CHECK_FALSE(bench.work_once());
    for (const char* none : {"e-99", "e-0", "e--1", "e-1x", "1", "e-", "e-99999999999999999999"}) {
        CHECK(bench.ask("GET", std::string("/v1/evaluations/") + none).status == 404);
    }
}

TEST_CASE("evaluations: a CUDA source goes to the device its line names", "[server]") {
    ServiceBench bench;
    const auto device = [&](const nlohmann::json& body) {
        return bench.json(bench.ask("POST", "/v1/evaluations", body.dump()))["device"];
    };
    const std::string cuda = "//!kwright task=scale_add target=cuda arch=sm_89\n";
    CHECK(device({{"task", "scale_add"}, {"source", cuda}}) == "emulated:sm_89");
    CHECK(device({{"task", "scale_add"}, {"source", cuda}, {"device", "cuda:0"}}) == "cuda:0");
    CHECK(
        device({{"task", "scale_add"}, {"source", "x"}, {"target", "cuda"}}) == "emulated:sm_90a");
    CHECK(device({{"task", "scale_add"}, {"source", "x"}}) == "cpu");
}

TEST_CASE("evaluations: one of a stranger's worker is shown as unverified", "[server]") {
    ApiSettings settings;
    settings.anonymous = false;
    ServiceBench bench(settings);
    const std::string submit = bench.new_token("s", "submit");
    const std::string stranger = bench.new_token("w", "worker");
    const std::string trusted = bench.new_token("t", "worker", true);
    bench.token = submit;
    const std::string id = bench.submit("good");
    bench.token = stranger;
    CHECK(bench.work_once());
    CHECK_FALSE(bench.work_once());
    bench.token = submit;
    CHECK(
        bench.json(bench.ask("GET", "/v1/evaluations/" + id))["evaluation_state"] == "unverified");
    CHECK(bench.json(bench.ask("GET", "/v1/board"))["rows"].empty());
    bench.token = trusted;
    CHECK(bench.work_once("w2"));
    bench.token = submit;
    CHECK(bench.json(bench.ask("GET", "/v1/evaluations/" + id))["evaluation_state"] == "judged");
    CHECK(bench.json(bench.ask("GET", "/v1/board"))["rows"].size() == 1);
}

TEST_CASE("evaluations: a server that only shows takes nothing", "[server]") {
    ApiSettings settings;
    settings.read_only = true;
    ServiceBench bench(settings);
    CHECK(bench.ask("POST", "/v1/evaluations", bench.evaluation("x")).status == 503);
    CHECK(bench.ask("POST", "/v1/leases", bench.claim_text()).status == 503);
    CHECK(bench.ask("GET", "/v1/board").status == 200);
}
